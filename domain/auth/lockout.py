"""Slows down who guesses passwords, without letting a stranger lock a person out.

Two counts, both by the address typed, so that addresses nobody has behave just the same:
- of one address *from one network*: after a few failures each further try has to wait, twice as long each time.
- of one address from everywhere: far looser and with a short wait, for guessers with many networks. It does not hold
  up the networks from which the person signed in before.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.auth.model import Client
from domain.kernel.cache import Cache
from domain.kernel.errors import RateLimited

FORGOTTEN_AFTER: Final = timedelta(hours=1)
"""After the last failure."""
NO_NETWORK: Final = "unknown"
"""What the edge says where no proxy vouches for an address: nobody's own."""


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """*free* failures cost nothing; the next waits *first* seconds, each further one twice as long, up to *most*."""

    free: int
    first: float = 15.0
    most: float = 900.0

    def wait(self, failures: int) -> float:
        """Seconds between the last of *failures* and the next try."""
        over = failures - self.free
        # Beyond 2^10 the doubling is past any *most* here, and a huge exponent would overflow.
        return 0.0 if over < 0 else min(self.first * 2.0 ** min(over, 10), self.most)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that was let in so far. *account_wait*: seconds that strangers to the account still have to wait."""

    here: str
    everywhere: str
    account_wait: float


class Lockout:
    """Three cache trips a try, whatever comes of it. A cache that forgets lets people in, never out."""

    def __init__(self, cache: Cache, *, free: int) -> None:
        self._cache = cache
        self._here = LockoutPolicy(free)
        self._everywhere = LockoutPolicy(free * 20, first=1.0, most=30.0)

    async def begin(self, email_key: str, client: Client) -> Attempt:
        """Count the try as a failure until it proves otherwise, so that tries at the same time see each other.

        Raises RateLimited.
        """
        here, everywhere = f"login:{email_key}:{client.network}", f"login:{email_key}"
        (failed, since), (failed_anywhere, since_anywhere) = await self._cache.failures([here, everywhere])
        _require(self._here.wait(failed) - since if failed else 0.0)
        (counted,) = await self._cache.add_failure([here], FORGOTTEN_AFTER)
        if counted > self._here.free and counted != failed + 1:
            # The wait is over for one try, and another one took it.
            raise RateLimited(retry_after=self._here.wait(counted))
        wait = self._everywhere.wait(failed_anywhere) - since_anywhere if failed_anywhere else 0.0
        return Attempt(here, everywhere, wait)

    def require_known_or_waited(self, attempt: Attempt, client: Client, networks: tuple[str, ...]) -> None:
        """Raises RateLimited for a stranger to the account while it is being guessed at from everywhere."""
        if client.network == NO_NETWORK or client.network not in networks:
            _require(attempt.account_wait)

    async def failed(self, attempt: Attempt) -> None:
        await self._cache.add_failure([attempt.everywhere], FORGOTTEN_AFTER)

    async def succeeded(self, attempt: Attempt) -> None:
        await self._cache.clear_failures([attempt.here])


def _require(seconds: float) -> None:
    if seconds > 0:
        raise RateLimited(retry_after=seconds)
