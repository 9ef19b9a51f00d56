"""Archives and office documents, judged by what they list: nothing is unpacked but one small part."""

import io
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from domain.files.errors import FileRefused
from domain.files.kinds import DOCX, MIB, PPTX, XLSX, ZIP

MAX_ENTRIES: Final = 10_000
MAX_UNPACKED: Final = 500 * MIB
MAX_RATIO: Final = 200
"""Unpacked to packed, for entries that matter. Deflate reaches 1,032 on zeros; documents stay below 100."""
_RATIO_COUNTS_FROM: Final = 1 * MIB
_CONTENT_TYPES: Final = "[Content_Types].xml"
_MAX_CONTENT_TYPES: Final = 1 * MIB
_ENCRYPTED: Final = 0x1
_SYMLINK: Final = 0o120000
_KIND_OF_FILE: Final = 0o170000
_MAIN_PARTS: Final = {
    DOCX: b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    PPTX: b"application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml",
    XLSX: b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
}
_PROGRAMS: Final = frozenset(
    {
        "exe", "dll", "com", "scr", "pif", "cpl", "msi", "msix", "appx", "bat", "cmd", "ps1", "psm1", "vbs", "vbe",
        "js", "jse", "wsf", "wsh", "hta", "jar", "lnk", "url", "reg", "sh", "app", "dmg", "pkg", "deb", "rpm", "apk",
        "iso", "img", "vhd", "vhdx", "xll", "xlam", "docm", "dotm", "xlsm", "xltm", "pptm", "potm", "ppam", "html",
        "htm", "xhtml", "mht", "mhtml", "svg", "chm",
    }
)  # fmt: skip
"""What runs, or opens in a browser, at a double-click."""
_ARCHIVES: Final = frozenset(
    {
        "zip", "7z", "rar", "gz", "tgz", "bz2", "tbz", "xz", "txz", "zst", "lz", "lzma", "tar", "cab", "arj", "ace",
    }
)  # fmt: skip
"""An archive in an archive hides its size, and its content, from every check here."""


def check_archive(content: bytes, media_type: str) -> None:
    """Raises FileRefused."""
    if not content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        raise FileRefused("type_mismatch")  # also what has another file in front
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            _check_sizes(entries)
            _check_overlaps(entries, len(content))
            for entry in entries:
                _check_entry(entry)
            if media_type == ZIP:
                _check_names(entries, _PROGRAMS | _ARCHIVES)
            else:
                _check_office(archive, media_type)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError):
        raise FileRefused("damaged") from None


def _check_sizes(entries: Sequence[zipfile.ZipInfo]) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_ENTRIES or unpacked > MAX_UNPACKED:
        raise FileRefused("archive_too_large")
    for entry in entries:
        if entry.file_size > _RATIO_COUNTS_FROM and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise FileRefused("archive_too_large")


def _check_overlaps(entries: Sequence[zipfile.ZipInfo], size: int) -> None:
    """Entries that share bytes: the way to a bomb whose every entry looks modest."""
    end = 0
    for entry in sorted(entries, key=lambda each: each.header_offset):
        if entry.header_offset < end:
            raise FileRefused("unsafe_content")
        end = entry.header_offset + 30 + len(entry.orig_filename.encode()) + entry.compress_size
    if end > size:
        raise FileRefused("damaged")


def _check_entry(entry: zipfile.ZipInfo) -> None:
    """No name that leads out of the folder it is unpacked to, no link, nothing that cannot be looked at."""
    name = entry.orig_filename
    path = PurePosixPath(name.replace("\\", "/"))
    leads_out = path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name
    is_link = entry.external_attr >> 16 & _KIND_OF_FILE == _SYMLINK
    if leads_out or is_link or entry.flag_bits & _ENCRYPTED:
        raise FileRefused("unsafe_content")


def _check_names(entries: Sequence[zipfile.ZipInfo], refused: frozenset[str]) -> None:
    for entry in entries:
        if entry.filename.rstrip(". /").rpartition(".")[2].lower() in refused:
            raise FileRefused("unsafe_content")


def _check_office(archive: zipfile.ZipFile, media_type: str) -> None:
    entries = archive.infolist()
    types = [entry for entry in entries if entry.filename == _CONTENT_TYPES]
    if len(types) != 1 or types[0].file_size > _MAX_CONTENT_TYPES:
        raise FileRefused("type_mismatch")
    with archive.open(types[0]) as part:
        declared = part.read(_MAX_CONTENT_TYPES)
    if _MAIN_PARTS[media_type] not in declared:
        raise FileRefused("type_mismatch")
    if b"macroEnabled" in declared or any("vbaproject" in entry.filename.lower() for entry in entries):
        raise FileRefused("unsafe_content")
    _check_names(entries, _PROGRAMS)
