"""What is kept and what is refused, by its bytes alone."""

import io
import struct
import zipfile
import zlib

import pytest
from PIL import Image

from adapters.content.inspecting import check_content
from adapters.content.pictures import make_avatars
from domain.files.errors import FileRefused
from domain.files.kinds import DOCX, GIF, JPEG, MARKDOWN, MP3, MP4, PDF, PNG, PPTX, TXT, WEBM, WEBP, XLSX, ZIP
from tests.contents import SOUND, a_document, a_pdf, a_picture, an_archive

HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
EXE = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0" + b"\0" * 200
ELF = b"\x7fELF\x02\x01\x01" + b"\0" * 200


def refusal(content: bytes, kind: str) -> str | None:
    try:
        check_content(content, kind, whole=True)
    except FileRefused as refused:
        return refused.reason
    return None


def a_bomb_of_pixels() -> bytes:
    """A PNG of a few bytes that says it has 10^10 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def overlapping() -> bytes:
    """Two entries of the directory that are the same bytes: the way of the flat bomb."""
    raw = bytearray(an_archive({"a": b"x" * 1000, "b": b"x" * 1000}))
    first = raw.find(b"PK\x01\x02")
    second = raw.find(b"PK\x01\x02", first + 4)
    raw[second + 42 : second + 46] = raw[first + 42 : first + 46]
    return bytes(raw)


def linked() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return out.getvalue()


def locked() -> bytes:
    raw = bytearray(an_archive({"a": b"x"}))
    raw[raw.find(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


@pytest.mark.parametrize("kind", SOUND)
def test_what_is_sound_is_kept_as_what_it_is_and_as_nothing_else(kind: str) -> None:
    assert refusal(SOUND[kind], kind) is None
    for other in SOUND.keys() - {kind}:
        alike = {kind, other} <= {TXT, MARKDOWN} or (other == ZIP and kind in {DOCX, PPTX, XLSX})
        assert (refusal(SOUND[kind], other) is None) is alike, other


@pytest.mark.parametrize("kind", SOUND)
@pytest.mark.parametrize(
    "content", [HTML, SVG, EXE, ELF, b"#!/bin/sh\nrm -rf /\n", b"<?php system($_GET[1]);", b"\0" * 64]
)
def test_pages_programs_and_noise_are_never_kept(kind: str, content: bytes) -> None:
    assert refusal(content, kind) in {"type_mismatch", "unsafe_content"}


@pytest.mark.parametrize("kind", [JPEG, PNG, WEBP, GIF, PDF, DOCX, ZIP])
def test_what_was_cut_off_is_not_kept(kind: str) -> None:
    whole = SOUND[kind]
    for part in (len(whole) // 2, len(whole) - 8, 20):
        assert refusal(whole[:part], kind) in {"damaged", "type_mismatch", "unsafe_content"}, part


@pytest.mark.parametrize(
    "text",
    [
        b"  \n<html>",
        b"\xef\xbb\xbf<!doctype HTML>",
        b"<!-- a note --><script>alert(1)</script>",
        b"<SVG onload=alert(1)>",
        b'<?xml version="1.0"?><x/>',
        b"<iframe src=//evil.example>",
        b"<a href=x>",
    ],
)
def test_markup_is_no_text(text: bytes) -> None:
    assert refusal(text, TXT) == refusal(text, MARKDOWN) == "unsafe_content"


@pytest.mark.parametrize("text", [b"caf\xe9", b"\xff\xfeh\0i\0", b"a\0b", b"a\x1b[2Jb"])
def test_text_is_utf_8_without_controls(text: bytes) -> None:
    assert refusal(text, TXT) == "type_mismatch"


@pytest.mark.parametrize("text", ["a < b and b > c", "", "日本語\r\n\tübung", "\ufeffmarked", "1 <2", "# Title\n<div>"])
def test_ordinary_text_is_kept(text: str) -> None:
    assert refusal(text.encode(), TXT) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (an_archive({"../../etc/passwd": b"x"}), "unsafe_content"),
        (an_archive({"/etc/passwd": b"x"}), "unsafe_content"),
        (an_archive({"..\\..\\boot.ini": b"x"}), "unsafe_content"),
        (an_archive({"C:\\boot.ini": b"x"}), "unsafe_content"),
        (an_archive({"a/../../b": b"x"}), "unsafe_content"),
        (linked(), "unsafe_content"),
        (locked(), "unsafe_content"),
        (overlapping(), "unsafe_content"),
        (an_archive({"setup.EXE": EXE}), "unsafe_content"),
        (an_archive({"invoice.pdf.js ": b"x"}), "unsafe_content"),
        (an_archive({"inner.zip": an_archive({"a": b"a"})}), "unsafe_content"),
        (an_archive({"zeros": b"\0" * (8 << 20)}), "archive_too_large"),
        (an_archive({str(number): b"" for number in range(10_001)}), "archive_too_large"),
        (EXE + an_archive({"a": b"a"}), "type_mismatch"),
        (b"PK\x03\x04" + b"\0" * 100, "damaged"),
    ],
)
def test_hostile_archives(content: bytes, reason: str) -> None:
    assert refusal(content, ZIP) == reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (an_archive({"word/document.xml": b"<x/>"}), "type_mismatch"),
        (an_archive({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<x/>"}), "type_mismatch"),
        (a_document(DOCX, **{"word/vbaProject.bin": b"x"}), "unsafe_content"),
        (a_document(DOCX, **{"word/media/page.html": HTML}), "unsafe_content"),
        (a_document(DOCX, **{"../../x": b"x"}), "unsafe_content"),
        (a_document(DOCX, zeros=b"\0" * (8 << 20)), "archive_too_large"),
    ],
)
def test_hostile_documents(content: bytes, reason: str) -> None:
    assert refusal(content, DOCX) == reason


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (a_picture("PNG") + HTML, PNG),
        (a_picture("PNG") + an_archive({"a": b"a"}), PNG),
        (a_picture("JPEG") + an_archive({"a.exe": EXE}), JPEG),
        (a_picture("GIF") + an_archive({"a": b"a"}), GIF),
        (a_pdf() + an_archive({"a": b"a"}), PDF),
        (HTML + a_pdf(), PDF),
        (b"\n" * 10 + a_pdf(), PDF),
    ],
)
def test_what_is_two_things_at_once_is_not_kept(content: bytes, kind: str) -> None:
    assert refusal(content, kind) in {"unsafe_content", "type_mismatch"}


def test_a_picture_may_have_only_so_many_pixels() -> None:
    assert refusal(a_bomb_of_pixels(), PNG) == "too_many_pixels"
    with pytest.raises(FileRefused, match="not valid"):
        make_avatars(a_bomb_of_pixels())
    flat = io.BytesIO()
    Image.new("1", (8000, 6000)).save(flat, "PNG")
    assert len(flat.getvalue()) < 20_000
    assert refusal(flat.getvalue(), PNG) == "too_many_pixels"


def test_other_films_are_refused() -> None:
    assert refusal(b"\0\0\0\x14ftypqt  \0\0\0\0qt  \0\0\0\x08mdat", MP4) == "type_mismatch"
    assert refusal(SOUND[WEBM].replace(b"webm", b"\0\0\0\0"), WEBM) == "type_mismatch"
    for brand in (b"isom", b"mp42", b"avc1", b"iso5", b"dash", b"M4V "):
        assert refusal(b"\0\0\0\x14ftyp" + brand + b"\0\0\0\0mp42\0\0\0\x08mdat", MP4) is None
    assert refusal(b"\xff\xfb\x90\x64" + b"\0" * 413, MP3) is None


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_avatars_are_turned_as_they_are_to_be_seen(form: str) -> None:
    picture = Image.new("RGB", (40, 40), "white")
    picture.paste("black", (0, 0, 40, 20))  # the upper half
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter, clockwise
    out = io.BytesIO()
    picture.save(out, form, exif=exif)
    with Image.open(io.BytesIO(make_avatars(out.getvalue())[64])) as made:
        grey = made.convert("L").tobytes()
    left, right = grey[32 * 64 + 8], grey[32 * 64 + 56]
    assert (left > 200, right < 50) == (True, True)
