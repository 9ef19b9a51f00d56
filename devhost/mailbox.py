"""The mails a data folder holds, read back from their `.eml` files."""

import email
import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z0-9.-]+\.eml")


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail. *name* is its file's."""

    name: str
    to: str
    sender: str
    subject: str
    date: str
    text: str
    html: str
    unsubscribe: str
    """The URL that ends mails of this kind by one POST; empty where there is none."""

    @classmethod
    def read(cls, path: Path) -> "Mail":
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        return cls(
            name=path.name,
            to=str(message["To"] or ""),
            sender=str(message["From"] or ""),
            subject=str(message["Subject"] or ""),
            date=str(message["Date"] or ""),
            text=_part(message, "plain"),
            html=_part(message, "html"),
            unsubscribe=str(message["List-Unsubscribe"] or "").strip("<>"),
        )

    @property
    def links(self) -> list[str]:
        """Every link of the text part, in order."""
        return re.findall(r"https?://[^\s<>\"]+", self.text)


class Mailbox:
    """*folder* need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self, *, newest: int | None = None) -> list[Mail]:
        """Oldest first; only the *newest* so many where a number is given."""
        paths = sorted(self._folder.glob("*.eml"))
        return [Mail.read(path) for path in (paths if newest is None else paths[-newest:])]

    def find(self, name: str) -> Mail | None:
        """The mail in the file *name*: a plain name, never a path."""
        path = self._folder / name
        return Mail.read(path) if _NAME.fullmatch(name) and path.is_file() else None


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content())
