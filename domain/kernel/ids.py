"""Identifiers: UUIDv7 (RFC 9562 §5.7), so that the order of ids is the order of creation."""

import re
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from domain.kernel.clock import Clock

UUID7_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_UUID7 = re.compile(UUID7_PATTERN)


class Ids(Protocol):
    def new(self) -> str:
        """A fresh UUIDv7, greater than every one this process gave before."""
        ...


def uuid7(*, millis: int, low_bits: int) -> str:
    """The UUIDv7 of *millis* since the epoch and 74 further bits (12 of `rand_a`, 62 of `rand_b`)."""
    value = (
        (millis & (1 << 48) - 1) << 80 | 7 << 76 | (low_bits >> 62 & 0xFFF) << 64 | 2 << 62 | low_bits & (1 << 62) - 1
    )
    return str(UUID(int=value))


def is_uuid7(text: str) -> bool:
    return _UUID7.match(text) is not None


def uuid7_time(text: str) -> datetime:
    """When a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((UUID(text).int >> 80) / 1000, UTC)


class SystemIds:
    """Monotonic within the process: ids of one millisecond count up from a random start (RFC 9562 §6.2)."""

    def __init__(self, clock: Clock, random_bits: Callable[[int], int] = secrets.randbits) -> None:
        self._clock = clock
        self._random_bits = random_bits
        self._lock = threading.Lock()
        self._millis = 0
        self._low = 0

    def new(self) -> str:
        millis = int(self._clock.now().timestamp() * 1000)
        with self._lock:
            if millis > self._millis:
                self._millis, self._low = millis, self._random_bits(73)
            else:
                self._low += 1 + self._random_bits(32)
            return uuid7(millis=self._millis, low_bits=self._low)
