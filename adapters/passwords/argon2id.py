"""argon2id (RFC 9106) in a few threads of its own.

One hash takes tens of milliseconds and megabytes on purpose. So only so many run at a time, however many sign in, and
they run at a lower priority than the event loop: other requests do not wait for them.
"""

import asyncio
import base64
import os
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from domain.auth.ports import Proof
from domain.kernel.errors import Unavailable

T = TypeVar("T")
WAITING_FOR_EACH: Final = 32
"""How many may wait for one thread: at 100 ms a hash, three seconds."""
RETRY_AFTER: Final = 2.0
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32
_NICENESS: Final = 5


class Crowded(Unavailable):
    message = "Too many people are signing in at the moment. Try again shortly."

    def __init__(self) -> None:
        super().__init__(retry_after=RETRY_AFTER)


class Argon2Passwords:
    """Conforms to the port `PasswordHasher`."""

    def __init__(self, *, memory_kib: int, passes: int, lanes: int, at_once: int) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=lanes, hash_len=_HASH_BYTES, salt_len=_SALT_BYTES
        )
        # Has the form and the price of a real one, and is nobody's: what hashes to it is as hard to find as for any.
        self._decoy = (
            f"$argon2id$v=19$m={memory_kib},t={passes},p={lanes}"
            f"${_plain(b'nobody'.ljust(_SALT_BYTES, b'.'))}${_plain(bytes(_HASH_BYTES))}"
        )
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="argon2", initializer=_yield_to_others)
        self._most_inside = at_once * (1 + WAITING_FOR_EACH)
        self._inside = 0

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[None]:
        """Raises Crowded."""
        if self._inside >= self._most_inside:
            raise Crowded
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password_hash: str | None, password: str) -> Proof:
        """A hash with other parameters is checked and made anew side by side, whether it holds or not: so an account
        whose hash is out of date takes the time of any other."""
        stored = password_hash or self._decoy
        check = self._run(lambda: self._holds(stored, password))
        if not _is_readable(stored) or not self._hasher.check_needs_rehash(stored):
            return Proof(await check)
        holds, rehashed = await asyncio.gather(check, self.hash(password))
        return Proof(holds, rehashed if holds else None)

    def _holds(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _is_readable(stored: str) -> bool:
    try:
        argon2.extract_parameters(stored)
    except InvalidHashError:
        return False
    return True


def _yield_to_others() -> None:
    # On Linux a "process" here may be one thread (setpriority(2)); elsewhere this does nothing, or is not there.
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _plain(raw: bytes) -> str:
    """The PHC format's base64: unpadded."""
    return base64.b64encode(raw).rstrip(b"=").decode()
