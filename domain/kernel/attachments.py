"""Files that another feature holds: what it keeps of each, and what files ask it in return.

A feature takes a file by a *claim*, a name of its own making that begins with the feature's (`chat:…`). Files know only
that name; what became of it is the holder's to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Attachment:
    """A complete file as its holder keeps it: enough to make a link without asking for the file again.

    *size* in bytes; *version* names the blob that is served. *gone*: its owner deleted it since.
    """

    id: str
    name: str = field(repr=False)
    size: int
    media_type: str
    version: str
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """What came of claiming files: all of them in the order asked for, or none, and why by file id."""

    attachments: tuple[Attachment, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


class ClaimState(Enum):
    ABSENT = "absent"
    """Nothing came of it: whoever claimed the file never wrote what was to hold it."""
    STANDS = "stands"
    ENDED = "ended"
    """What held the file is gone, and so may the file."""


class Holder(Protocol):
    """A feature that holds files by claims of its own. All methods raise Unavailable."""

    async def may_read(self, user_id: str, file_id: str, claim: str) -> bool:
        """Whether what holds the file lets this person see it."""
        ...

    async def state(self, file_id: str, claim: str) -> ClaimState: ...

    async def is_frozen(self, file_id: str, claim: str) -> bool:
        """Whether the bytes are evidence, and stay though nobody is shown the file any more."""
        ...

    async def forget(self, file_id: str, claim: str) -> None:
        """The file is deleted: show it as gone. Safe to repeat."""
        ...
