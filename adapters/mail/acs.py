"""E-mail by Azure Communication Services. Sent means: the service has begun; it delivers by itself, and knows repeats.

The operation's id is made from the Message-ID, so a repeated send is the same operation.
"""

import asyncio
import logging
from collections.abc import Callable
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

from azure.communication.email.aio import EmailClient
from azure.core.exceptions import AzureError

from adapters.azure_http import open_transport
from adapters.mail.mime import to_mime
from adapters.resilience import Guard, Limits
from domain.kernel.clock import Clock
from domain.kernel.errors import Unavailable
from domain.kernel.mail import MailMessage

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

log = logging.getLogger(__name__)

OPERATIONS: Final = UUID("9a2c8b35-5c8c-5c57-9a5e-0f8f2f2c7f5a")
"""Names operation ids (RFC 9562, version 5)."""
POOL: Final = 4
READ_SECONDS: Final = 15.0
TOTAL_SECONDS: Final = 45.0
PING_SECONDS: Final = 2.0
SCOPE: Final = "https://communication.azure.com/.default"
GUARD: Final = Limits(slots=POOL, patience=30.0)


class AzureMailer:
    """*sender* is an address of a verified domain of the service; a name before it is set up there, not sent."""

    def __init__(
        self,
        endpoint: str,
        credential: "Callable[[], AsyncTokenCredential]",
        *,
        sender: str,
        clock: Clock,
        guard: Guard | None = None,
        verify: bool | str = True,
    ) -> None:
        self._endpoint = endpoint
        self._credential = credential
        self._sender = sender
        self._clock = clock
        self._guard = guard or Guard("mail", GUARD)
        self._verify = verify
        self._client: EmailClient | None = None

    async def send(self, message: MailMessage) -> None:
        """Return when the service has taken it. Raises Unavailable; ValueError for what no mailer could send."""
        to_mime(message, sender=self._sender, now=self._clock.now())  # the same checks for every mailer
        request: dict[str, Any] = {
            "senderAddress": parseaddr(self._sender)[1],
            "recipients": {"to": [{"address": message.to}]},
            "content": {"subject": message.subject, "plainText": message.text, "html": message.html},
            "headers": {"Auto-Submitted": "auto-generated"},
            "userEngagementTrackingDisabled": True,  # links would be rewritten, and reading watched
        }
        if message.reply_to is not None:
            request["replyTo"] = [{"address": message.reply_to}]
        operation = str(uuid5(OPERATIONS, message.message_id))
        async with self._guard.call():
            try:
                async with asyncio.timeout(TOTAL_SECONDS):
                    await self._open().begin_send(request, operation_id=operation, polling=False)
            except (TimeoutError, AzureError, OSError) as error:
                status = getattr(error, "status_code", None)
                log.warning("the mail service does not take mail: %s %s", type(error).__name__, status or "")
                raise Unavailable(retry_after=30.0) from error

    async def ping(self) -> None:
        """Proves that we are let in: the service has nothing to ask without sending. Raises Unavailable."""
        try:
            async with asyncio.timeout(PING_SECONDS):
                await self._credential().get_token(SCOPE)
        except (TimeoutError, AzureError, OSError) as error:
            raise Unavailable from error

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _open(self) -> EmailClient:
        if self._client is None:
            self._client = EmailClient(
                self._endpoint,
                self._credential(),
                transport=open_transport(pool=POOL, read_seconds=READ_SECONDS, verify=self._verify),
                retry_total=2,
                retry_backoff_factor=0.5,
                retry_backoff_max=5,
            )
        return self._client
