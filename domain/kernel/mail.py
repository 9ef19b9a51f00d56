"""The mailer's port and the message it sends."""

from dataclasses import dataclass, field
from typing import Final, Protocol

MAIL_QUEUE: Final = "mail"
"""Takes tasks of ids; `docs/flows/mail.md` has the table."""


@dataclass(frozen=True, slots=True)
class MailMessage:
    """One e-mail, both as text and HTML (already escaped). *message_id* is the same when a send is repeated."""

    message_id: str
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    reply_to: str | None = field(default=None, repr=False)
    unsubscribe: str | None = field(default=None, repr=False)
    """A URL that ends mails of this kind by one POST (RFC 8058)."""

    @property
    def unsubscribe_headers(self) -> dict[str, str]:
        """RFC 2369 and RFC 8058 §3.1."""
        if self.unsubscribe is None:
            return {}
        return {"List-Unsubscribe": f"<{self.unsubscribe}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


class Mailer(Protocol):
    async def send(self, message: MailMessage) -> None:
        """Return when the next hop has taken it. Raises Unavailable."""
        ...

    async def ping(self) -> None: ...

    async def close(self) -> None: ...
