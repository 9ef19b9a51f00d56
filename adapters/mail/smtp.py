"""E-mail by SMTP (RFC 5321), for everyone who is not in Azure. One connection a message: there are few."""

import asyncio
import logging
from typing import Final

import aiosmtplib

from adapters.mail.mime import to_mime
from adapters.resilience import Guard, Limits
from domain.kernel.clock import Clock
from domain.kernel.errors import Unavailable
from domain.kernel.mail import MailMessage

log = logging.getLogger(__name__)

TIMEOUT_SECONDS: Final = 20.0
"""For each step; mail is sent by queue workers, so nobody waits for it."""
TOTAL_SECONDS: Final = 45.0
PING_SECONDS: Final = 2.0
GUARD: Final = Limits(slots=4, patience=30.0)


class SmtpMailer:
    """*implicit_tls* speaks TLS from the first byte; else *start_tls* insists on STARTTLS (without it a password and
    every link would travel in the clear)."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        sender: str,
        clock: Clock,
        user: str | None = None,
        password: str | None = None,
        implicit_tls: bool = False,
        start_tls: bool = True,
        guard: Guard | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._clock = clock
        self._user = user
        self._password = password
        self._implicit_tls = implicit_tls
        self._start_tls = start_tls and not implicit_tls
        self._guard = guard or Guard("mail", GUARD)

    async def send(self, message: MailMessage) -> None:
        """Return when the server has taken it. Raises Unavailable; ValueError for what no mailer could send.

        A repeated send carries the same Message-ID: mailboxes that care show it once.
        """
        mime = to_mime(message, sender=self._sender, now=self._clock.now(), travels=True)
        async with self._guard.call():
            try:
                async with asyncio.timeout(TOTAL_SECONDS), self._client(TIMEOUT_SECONDS) as client:
                    await client.send_message(mime)
            except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
                raise _unavailable(error) from error

    async def ping(self) -> None:
        """Connects and signs in. Raises Unavailable."""
        async with self._guard.call():
            try:
                async with asyncio.timeout(PING_SECONDS), self._client(PING_SECONDS) as client:
                    await client.noop()
            except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
                raise _unavailable(error) from error

    async def close(self) -> None:
        """Nothing is held open."""

    def _client(self, seconds: float) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=self._implicit_tls,
            start_tls=self._start_tls,
            timeout=seconds,
        )


def _unavailable(error: Exception) -> Unavailable:
    """The log has the code; never the server's words, which often repeat the address."""
    log.warning("the mail server does not take mail: %s %s", type(error).__name__, getattr(error, "code", ""))
    return Unavailable(retry_after=30.0)
