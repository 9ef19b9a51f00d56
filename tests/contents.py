"""Files as people make them, and as others do."""

import io
import zipfile
from collections.abc import Mapping
from typing import Final

from PIL import Image

from domain.files.kinds import DOCX, GIF, JPEG, MARKDOWN, MP3, MP4, PDF, PNG, PPTX, TXT, WEBM, WEBP, XLSX, ZIP

_MAIN: Final = {
    DOCX: "wordprocessingml.document",
    PPTX: "presentationml.presentation",
    XLSX: "spreadsheetml.sheet",
}


def a_picture(form: str = "JPEG", width: int = 80, height: int = 60, **options: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(out, form, **options)
    return out.getvalue()


def an_archive(entries: Mapping[str, bytes], *, packed: bool = True) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def a_document(kind: str = DOCX, **more: bytes) -> bytes:
    types = (
        f'<Types><Override ContentType="application/vnd.openxmlformats-officedocument.{_MAIN[kind]}.main+xml"/></Types>'
    )
    return an_archive({"[Content_Types].xml": types.encode(), "main.xml": b"<x/>", **more})


def a_pdf() -> bytes:
    return b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\nstartxref\n0\n%%EOF\n"


def an_mp4() -> bytes:
    return b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2\0\0\0\x08mdat"


def a_webm() -> bytes:
    return (
        b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webmB\x87\x81\x04B\x85\x81\x02"
    )


SOUND: Final[dict[str, bytes]] = {
    JPEG: a_picture("JPEG"),
    PNG: a_picture("PNG"),
    WEBP: a_picture("WEBP"),
    GIF: a_picture("GIF"),
    PDF: a_pdf(),
    DOCX: a_document(DOCX),
    PPTX: a_document(PPTX),
    XLSX: a_document(XLSX),
    TXT: "Grüße aus der Werkstatt.\nFünf < sechs.\n".encode(),
    MARKDOWN: b"# Plan\n\n- write <b>this</b> down\n",
    MP4: an_mp4(),
    WEBM: a_webm(),
    MP3: b"ID3\x04\0\0\0\0\0\0" + b"\xff\xfb\x90\x64" + b"\0" * 413,
    ZIP: an_archive({"notes/one.txt": b"one", "two.txt": b"two"}),
}
"""By type: something sound."""
