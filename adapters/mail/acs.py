"""E-mail by Azure Communication Services. Sent means: the service has begun; it delivers by itself, and knows repeats.

The operation's id is made from the Message-ID, so a repeated send is the same operation.
"""

from collections.abc import Callable
from email.utils import parseaddr
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

from azure.communication.email.aio import EmailClient
from azure.core.rest import HttpRequest

from adapters.azure_http import ask, open_transport
from adapters.mail.mime import to_mime
from adapters.resilience import Guard, Limits
from domain.kernel.clock import Clock
from domain.kernel.mail import MailMessage

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

OPERATIONS: Final = UUID("9a2c8b35-5c8c-5c57-9a5e-0f8f2f2c7f5a")
"""Names operation ids (RFC 9562, version 5)."""
POOL: Final = 4
READ_SECONDS: Final = 15.0
TOTAL_SECONDS: Final = 45.0
PING_SECONDS: Final = 2.0
PAUSES: Final = (0.5, 1.0)
"""Seconds before the second and the third try."""
RETRY_AFTER_SECONDS: Final = 30.0
API_VERSION: Final = "2023-03-31"
NEVER_SENT: Final = uuid5(OPERATIONS, "ping")
_REFUSED: Final = frozenset({401, 403, 408, 429})
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
            "headers": {"Auto-Submitted": "auto-generated", **message.unsubscribe_headers},
            "userEngagementTrackingDisabled": True,  # links would be rewritten, and reading watched
        }
        if message.reply_to is not None:
            request["replyTo"] = [{"address": message.reply_to}]
        operation = str(uuid5(OPERATIONS, message.message_id))

        async def begin() -> None:
            await self._open().begin_send(request, operation_id=operation, polling=False)

        await ask(self._guard, begin, seconds=TOTAL_SECONDS, pauses=PAUSES, retry_after=RETRY_AFTER_SECONDS)

    async def ping(self) -> None:
        """Proves that the service lets *us* in: it is asked for an operation that never was. Raises Unavailable."""
        question = HttpRequest("GET", f"/emails/operations/{NEVER_SENT}", params={"api-version": API_VERSION})

        async def look() -> None:
            response = await self._open().send_request(question)
            if response.status_code in _REFUSED or response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                response.raise_for_status()

        await ask(self._guard, look, seconds=PING_SECONDS)

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
                retry_total=0,  # ours, see `ask`
            )
        return self._client
