"""Web Push (RFC 8030) with pywebpush: encrypted for the device (RFC 8291), signed by us (VAPID, RFC 8292).

The library encrypts and signs; the request is our own, so that it has a time-out, a guard for each push service, and
never follows a redirection to where somebody else chose.
"""

import base64
import logging
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from typing import Final

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02
from yarl import URL

from adapters.resilience import Guard, Limits
from domain.chat.push import Outcome, PushHosts, Target, Urgency
from domain.kernel.clock import Clock, epoch_seconds
from domain.kernel.errors import Unavailable

log = logging.getLogger(__name__)

SECONDS: Final = 8.0
POOL: Final = 32
GUARD: Final = Limits(slots=16, patience=30.0)
"""Queue workers wait; nobody else does."""

TOKEN_LASTS: Final = timedelta(hours=12)
"""At most a day (RFC 8292 §2)."""

RETRY_AFTER_SECONDS: Final = 30.0
READ_BYTES: Final = 4096
"""Of an answer's body, so that its connection can serve again; what it says is not looked at."""

GONE: Final = frozenset({404, 410})
BUSY: Final = frozenset({408, 425, 429})
SERVER_ERROR: Final = 500


class PushServiceBusy(Unavailable):
    """It answered that it has enough of us for now."""


class WebPush:
    """`domain.chat.ports.PushService`. *private_key* is a P-256 key's 32 bytes in base64url; *subject* is how a push
    service reaches us (`mailto:` or `https:`)."""

    def __init__(
        self,
        private_key: str,
        subject: str,
        hosts: PushHosts,
        clock: Clock,
        *,
        guard: Callable[[str], Guard] | None = None,
    ) -> None:
        """*guard* makes the guard of one push service, by the pattern that names it."""
        self._private_key = private_key
        self._subject = subject
        self._hosts = hosts
        self._clock = clock
        self._make_guard = guard or (lambda name: Guard(name, GUARD, answered=(PushServiceBusy,)))
        self._guards: dict[str, Guard] = {}
        self._session: aiohttp.ClientSession | None = None

    def public_key(self) -> str:
        point = self._vapid.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return base64.urlsafe_b64encode(point).rstrip(b"=").decode()

    def can_encrypt_for(self, target: Target) -> bool:
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), base64.urlsafe_b64decode(target.p256dh + "="))
        except ValueError:
            return False
        return True

    async def push(self, target: Target, payload: bytes, *, topic: str, urgency: Urgency, ttl: timedelta) -> Outcome:
        """One try of at most eight seconds. Raises Unavailable."""
        pattern = self._hosts.find(target.endpoint)
        if pattern is None:
            return Outcome.REFUSED  # a service that was taken off the list since
        headers = {
            "Authorization": self._authorization(target),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(ttl.total_seconds())),
            "Topic": topic,
            "Urgency": urgency.value,
        }
        from pywebpush import WebPusher  # and requests with it: whoever asks for our key need not wait for them

        body = WebPusher({"endpoint": target.endpoint, "keys": {"p256dh": target.p256dh, "auth": target.auth}}).encode(
            payload, "aes128gcm"
        )["body"]
        async with self._guard_of(pattern).call():
            return await self._post(target.endpoint, body, headers, pattern)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(self, endpoint: str, body: bytes, headers: dict[str, str], pattern: str) -> Outcome:
        try:
            async with self._open().post(
                URL(endpoint, encoded=True), data=body, headers=headers, allow_redirects=False
            ) as answer:
                await answer.content.read(READ_BYTES)
                status, retry_after = answer.status, answer.headers.get("Retry-After", "")
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            log.warning("the push service %s does not answer: %s", pattern, type(error).__name__)
            raise Unavailable(retry_after=RETRY_AFTER_SECONDS) from error
        if status in GONE:
            return Outcome.GONE
        if status in BUSY or status >= SERVER_ERROR:
            log.warning("the push service %s does not take a message now: %d", pattern, status)
            busy = PushServiceBusy if status in BUSY else Unavailable
            raise busy(retry_after=float(retry_after) if retry_after.isdigit() else RETRY_AFTER_SECONDS)
        if not 200 <= status < 300:  # noqa: PLR2004 - success
            log.error("the push service %s refuses a message: %d", pattern, status)
            return Outcome.REFUSED
        return Outcome.TAKEN

    def _authorization(self, target: Target) -> str:
        """RFC 8292 §3. Good for one push service and twelve hours."""
        claims = {
            "aud": str(URL(target.endpoint, encoded=True).origin()),
            "sub": self._subject,
            "exp": epoch_seconds(self._clock.now() + TOKEN_LASTS),
        }
        return str(self._vapid.sign(claims)["Authorization"])

    @cached_property
    def _vapid(self) -> Vapid02:
        return Vapid02.from_raw(self._private_key.encode())

    def _guard_of(self, pattern: str) -> Guard:
        if pattern not in self._guards:
            self._guards[pattern] = self._make_guard(f"push {pattern}")
        return self._guards[pattern]

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=SECONDS),
                connector=aiohttp.TCPConnector(limit=POOL),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session
