"""Looks at what was uploaded: is it what it was said to be, and nothing that harms who opens it.

The rule is an allow-list: a type is accepted when `puremagic` recognises it, and the check of its own kind passes.
So executables, HTML and SVG need no list: they are never what was announced.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from adapters.content.archives import check_archive
from adapters.content.texts import check_text
from domain.files.errors import FileRefused
from domain.files.kinds import MP3, MP4, OFFICE, PDF, PICTURES, TEXTS, WEBM, ZIP

_END_OF_ARCHIVE: Final = b"PK\x05\x06"
_ARCHIVE_COMMENT: Final = 65_557  # the record and the longest comment: where an archive's end is looked for
_MP4_BRANDS: Final = (b"iso", b"mp4", b"avc", b"M4V", b"M4A", b"MSNV", b"dash", b"mmp4", b"f4v", b"cmf")


class ContentInspector:
    """The port `Inspector`."""

    async def inspect(self, content: bytes, media_type: str, *, whole: bool) -> None:
        await asyncio.to_thread(check_content, content, media_type, whole=whole)

    async def make_avatars(self, content: bytes) -> Mapping[int, bytes]:
        from adapters.content.pictures import make_avatars

        return await asyncio.to_thread(make_avatars, content)


def check_content(content: bytes, media_type: str, *, whole: bool) -> None:
    """Raises FileRefused."""
    if media_type in TEXTS:
        check_text(content)
        return
    if media_type in OFFICE or media_type == ZIP:
        check_archive(content, media_type)
        return
    if media_type not in _recognised(content[:4096]):
        raise FileRefused("type_mismatch")
    if whole and _END_OF_ARCHIVE in content[-_ARCHIVE_COMMENT:]:
        raise FileRefused("unsafe_content")  # a file that is an archive, too: unpackers read from the end
    if media_type in PICTURES:
        from adapters.content.pictures import check_picture

        check_picture(content, media_type)
    elif media_type == PDF:
        _check_pdf(content)
    elif media_type in {MP4, WEBM, MP3}:
        _check_stream(content, media_type)


def _recognised(head: bytes) -> set[str]:
    import puremagic

    try:
        return {found.mime_type for found in puremagic.magic_string(head)} | _by_brand(head)
    except puremagic.PureError:
        return _by_brand(head)


def _by_brand(head: bytes) -> set[str]:
    """ISO base media files name their brand; the detector knows but some."""
    return {MP4} if head[4:8] == b"ftyp" and head[8:12].startswith(_MP4_BRANDS) else set()


def _check_pdf(content: bytes) -> None:
    # At the very beginning: readers tolerate 1,024 bytes before it, which is where another file hides.
    if not content.startswith(b"%PDF-"):
        raise FileRefused("type_mismatch")
    if b"%%EOF" not in content[-2048:]:
        raise FileRefused("damaged")


def _check_stream(content: bytes, media_type: str) -> None:
    if media_type == MP4 and content[8:12] == b"qt  ":
        raise FileRefused("type_mismatch")  # QuickTime: browsers do not play it
    if media_type == WEBM and b"webm" not in content[:64]:
        raise FileRefused("type_mismatch")  # Matroska with other codecs
