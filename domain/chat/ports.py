"""What chat needs from elsewhere."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from domain.chat.push import Outcome, Target, Urgency
from domain.kernel.attachments import Attachment, Claimed


class Pictures(Protocol):
    async def may_use(self, user_id: str, file_id: str) -> bool:
        """Whether *file_id* is a completed upload of this person's, of the category `avatar`."""
        ...


class Attachments(Protocol):
    """Uploads of the category `message`. All methods raise Unavailable."""

    async def claim(self, owner_id: str, file_ids: Sequence[str], *, claim: str) -> Claimed:
        """Take complete files of *owner_id* for *claim*: all, or none. The same claim gets them again, no other does.

        Why a file is refused: `unknown_file` (also another's, or not complete), `scanning`, `in_use`.
        """
        ...

    async def link(self, attachment: Attachment) -> str:
        """A URL that reads it for ten minutes or more. Asks nobody for the file."""
        ...

    async def discard(self, file_ids: Sequence[str], *, claim: str, frozen: bool) -> None:
        """Nobody is shown them any more; unless *frozen*, their bytes go. Safe to repeat."""
        ...


class Sessions(Protocol):
    async def may_connect(self, user_id: str, session_id: str) -> bool:
        """True while the session stands and its account is active and verified. Raises Unavailable."""
        ...

    async def stands(self, user_id: str, session_id: str) -> bool:
        """The same for a session that is known to be this person's: one cache trip, mostly. Raises Unavailable."""
        ...


class PushService(Protocol):
    def public_key(self) -> str:
        """Ours, as browsers take it for `applicationServerKey`: the uncompressed point in base64url."""
        ...

    def can_encrypt_for(self, target: Target) -> bool:
        """Whether its key is a point of the curve."""
        ...

    async def push(self, target: Target, payload: bytes, *, topic: str, urgency: Urgency, ttl: timedelta) -> Outcome:
        """Raises Unavailable for a service that is away or has enough (429), with `retry_after` where it says so."""
        ...

    async def close(self) -> None: ...
