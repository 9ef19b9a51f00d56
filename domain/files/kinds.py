"""What may be uploaded: the contract's table of categories, and what we call the types in it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MIB: Final = 1024 * 1024


class Category(StrEnum):
    AVATAR = "avatar"
    COURSE_VIDEO = "course-video"
    COURSE_DOCUMENT = "course-document"
    DOCUMENT = "document"
    FORM = "form"
    MESSAGE = "message"


class Who(StrEnum):
    """Who may upload files of a category."""

    ANYONE = "anyone"
    USER = "user"
    """Whose address is verified; files of messages guests, too."""
    AUTHOR = "author"


AUTHOR_ROLES: Final = frozenset({"mentor", "admin"})

JPEG: Final = "image/jpeg"
PNG: Final = "image/png"
WEBP: Final = "image/webp"
GIF: Final = "image/gif"
MP4: Final = "video/mp4"
WEBM: Final = "video/webm"
MP3: Final = "audio/mpeg"
PDF: Final = "application/pdf"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TXT: Final = "text/plain"
MARKDOWN: Final = "text/markdown"
ZIP: Final = "application/zip"

PICTURES: Final = frozenset({JPEG, PNG, WEBP, GIF})
OFFICE: Final = frozenset({DOCX, PPTX, XLSX})
TEXTS: Final = frozenset({TXT, MARKDOWN})

EXTENSIONS: Final[dict[str, tuple[str, ...]]] = {
    JPEG: ("jpg", "jpeg"),
    PNG: ("png",),
    WEBP: ("webp",),
    GIF: ("gif",),
    MP4: ("mp4", "m4v"),
    WEBM: ("webm",),
    MP3: ("mp3",),
    PDF: ("pdf",),
    DOCX: ("docx",),
    PPTX: ("pptx",),
    XLSX: ("xlsx",),
    TXT: ("txt",),
    MARKDOWN: ("md", "markdown"),
    ZIP: ("zip",),
}
"""How the names of files of a type end. A name is what a reader's machine goes by when it opens the file."""

_ALIASES: Final = {
    "image/jpg": JPEG,
    "image/pjpeg": JPEG,
    "audio/mp3": MP3,
    "text/x-markdown": MARKDOWN,
    "application/x-zip-compressed": ZIP,  # what browsers on Windows say
    "application/x-zip": ZIP,
}


@dataclass(frozen=True, slots=True)
class Rule:
    who: Who
    max_bytes: int
    types: frozenset[str]
    in_blocks: bool = False
    """Whether it may be uploaded in blocks, so that a cut line costs one block and not the file."""


_DOCUMENTS: Final = frozenset({PDF, TXT, MARKDOWN}) | OFFICE

RULES: Final[dict[Category, Rule]] = {
    Category.AVATAR: Rule(Who.USER, 2 * MIB, frozenset({JPEG, PNG, WEBP})),
    Category.COURSE_VIDEO: Rule(Who.AUTHOR, 500 * MIB, frozenset({MP4, WEBM}), in_blocks=True),
    Category.COURSE_DOCUMENT: Rule(Who.AUTHOR, 50 * MIB, _DOCUMENTS),
    Category.DOCUMENT: Rule(Who.USER, 50 * MIB, _DOCUMENTS),
    Category.FORM: Rule(Who.ANYONE, 10 * MIB, frozenset({PDF, DOCX, JPEG, PNG})),
    Category.MESSAGE: Rule(Who.USER, 25 * MIB, PICTURES | OFFICE | {PDF, TXT, MP3, MP4, ZIP}),
}


def media_type(text: str) -> str:
    """The type *text* means: in lower case, without parameters, by its usual name."""
    bare = text.partition(";")[0].strip().lower()
    return _ALIASES.get(bare, bare)
