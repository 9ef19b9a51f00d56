"""The key set in one secret of Azure Key Vault (`key_ring.py` is its text).

Kept in memory, and read again in the background when it is `FRESH_FOR` old, or sooner when a token names a key that is
not known here: so keys are turned over without a restart, and no request waits for the vault but the very first. While
the vault is away, the last known keys stay good.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from azure.core.exceptions import ResourceNotFoundError
from azure.keyvault.secrets.aio import SecretClient

from adapters.azure_http import ask, open_transport
from adapters.resilience import Guard, Limits
from adapters.secrets.key_ring import KeyRing, decode_ring, encode_ring, fresh_ring
from domain.kernel.errors import Unavailable
from domain.kernel.keys import KeySet

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

log = logging.getLogger(__name__)
T = TypeVar("T")

FRESH_FOR: Final = 300.0
"""Seconds. A key is to be published at least this long before it signs."""
UNKNOWN_EVERY: Final = 30.0
"""Seconds between two early readings because of an unknown `kid`, which anybody can make up."""
POOL: Final = 4
READ_SECONDS: Final = 2.0
TOTAL_SECONDS: Final = 2.8
PAUSES: Final = (0.1, 0.2)
"""Seconds before the second and the third try."""
GUARD: Final = Limits(slots=POOL, failures=3)


class KeyVaultKeys:
    """*secret* is the secret's name. Connects at the first call."""

    def __init__(
        self,
        url: str,
        secret: str,
        credential: "Callable[[], AsyncTokenCredential]",
        *,
        guard: Guard | None = None,
        now: Callable[[], float] = time.monotonic,
        verify: bool | str = True,
        verify_challenge: bool = True,
    ) -> None:
        self._url = url
        self._secret = secret
        self._credential = credential
        self._guard = guard or Guard("keys", GUARD)
        self._now = now
        self._verify = verify
        self._verify_challenge = verify_challenge
        self._client: SecretClient | None = None
        self._keys: KeySet | None = None
        self._read_at = 0.0
        self._early_at: float | None = None
        self._reading: asyncio.Task[KeySet] | None = None

    async def get(self, kid: str | None = None) -> KeySet:
        """From memory after the first call. Raises Unavailable when the vault was never reached."""
        if self._keys is None:
            return await asyncio.shield(self._read())
        if kid is not None and self._keys.find(kid) is None and self._may_look_early():
            try:
                return await asyncio.shield(self._read())
            except Unavailable:
                return self._keys
        if self._now() - self._read_at >= FRESH_FOR:
            self._read()
        return self._keys

    async def change(self, step: Callable[[KeyRing], KeyRing]) -> KeySet:
        """Put what *step* makes of the key set in its place. Raises Unavailable, and what *step* raises.

        One operator at a time: the vault has no condition for a write.
        """
        changed = step(await self._call(self._load_or_fresh))
        await self._call(lambda: self._open().set_secret(self._secret, encode_ring(changed)))
        self._keep(changed.keys)
        return changed.keys

    async def ping(self) -> None:
        """Asks the vault itself. Raises Unavailable."""
        self._keep((await self._call(self._load)).keys)

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _may_look_early(self) -> bool:
        now = self._now()
        if self._early_at is not None and now - self._early_at < UNKNOWN_EVERY:
            return False
        self._early_at = now
        return True

    def _read(self) -> asyncio.Task[KeySet]:
        """One reading at a time; a failed one is tried again by the next caller, as the guard lets it."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_now())
            self._reading.add_done_callback(_seen)
        return self._reading

    async def _read_now(self) -> KeySet:
        ring = await self._call(self._load)
        self._keep(ring.keys)
        return ring.keys

    def _keep(self, keys: KeySet) -> None:
        self._keys, self._read_at = keys, self._now()

    async def _load(self) -> KeyRing:
        try:
            text = (await self._open().get_secret(self._secret)).value or ""
            return decode_ring(text)
        except (ValueError, KeyError, TypeError):
            log.error("the vault's secret %s is no key set", self._secret)  # noqa: TRY400 - the trace might show it
            raise Unavailable from None

    async def _load_or_fresh(self) -> KeyRing:
        try:
            return await self._load()
        except ResourceNotFoundError:
            return fresh_ring()

    async def _call(self, action: Callable[[], Awaitable[T]]) -> T:
        return await ask(self._guard, action, seconds=TOTAL_SECONDS, pauses=PAUSES)

    def _open(self) -> SecretClient:
        if self._client is None:
            self._client = SecretClient(
                self._url,
                self._credential(),
                transport=open_transport(pool=POOL, read_seconds=READ_SECONDS, verify=self._verify),
                verify_challenge_resource=self._verify_challenge,
                retry_total=0,  # ours is shorter, see `ask`
            )
        return self._client


def _seen(task: asyncio.Task[KeySet]) -> None:
    """What a reading in the background raised was logged where it happened."""
    if not task.cancelled():
        task.exception()
