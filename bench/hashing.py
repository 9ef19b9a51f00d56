"""What argon2 takes with nothing around it, with the parameters of both subjects."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import argon2

from bench.subject import PASSWORD


def alone(seconds: float) -> tuple[float, float]:
    """The median of one after the other in milliseconds, and how many two threads do in a second."""
    hasher = argon2.PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
    stored = hasher.hash(PASSWORD)

    def verify() -> float:
        began = time.perf_counter()
        hasher.verify(stored, PASSWORD)
        return (time.perf_counter() - began) * 1000

    single = statistics.median(verify() for _ in range(max(3, int(seconds * 5))))
    until = time.perf_counter() + seconds

    def one_thread(_: int) -> int:
        count = 0
        while time.perf_counter() < until:
            verify()
            count += 1
        return count

    began = time.perf_counter()
    with ThreadPoolExecutor(2) as threads:
        done = sum(threads.map(one_thread, range(2)))
    return single, done / (time.perf_counter() - began)
