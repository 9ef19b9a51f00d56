"""Pictures: opened for what they are, within limits; avatars made anew from their pixels alone."""

import io
import warnings
from collections.abc import Callable
from typing import Any, Final

from PIL import Image, ImageOps, UnidentifiedImageError

from domain.files.errors import FileRefused
from domain.files.kinds import GIF, JPEG, PNG, WEBP
from domain.files.model import AVATAR_WIDTHS

MAX_PIXELS: Final = 40_000_000
"""A 40-megapixel photo; 160 MB unpacked."""
MAX_FRAMES: Final = 500
_FORMATS: Final = {JPEG: "JPEG", PNG: "PNG", WEBP: "WEBP", GIF: "GIF"}
_PNG_END: Final = b"IEND\xaeB`\x82"
_QUALITY: Final = 82


def check_picture(content: bytes, media_type: str) -> None:
    """Decode it once: what is cut off, or is something else behind its first bytes, fails. Raises FileRefused."""
    form = _FORMATS[media_type]

    def look(picture: Image.Image) -> None:
        if getattr(picture, "n_frames", 1) > MAX_FRAMES:
            raise FileRefused("too_many_pixels")
        if form == "JPEG":
            picture.draft("RGB", (64, 64))  # reads all of it, at an eighth of the cost
        picture.load()

    _open(content, form, look)
    if media_type == PNG and not content.endswith(_PNG_END):
        raise FileRefused("unsafe_content")  # something follows the picture


def make_avatars(content: bytes) -> dict[int, bytes]:
    """Square WebP pictures, the middle of the picture as it is to be seen (EXIF's turn applied, then forgotten)."""
    made: dict[int, bytes] = {}

    def make(picture: Image.Image) -> None:
        if picture.format == "JPEG":
            picture.draft("RGB", (2 * max(AVATAR_WIDTHS), 2 * max(AVATAR_WIDTHS)))
        upright = ImageOps.exif_transpose(picture)
        pixels = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
        for width in AVATAR_WIDTHS:
            sized = ImageOps.fit(pixels, (width, width), Image.Resampling.LANCZOS)
            sized.info.clear()
            out = io.BytesIO()
            sized.save(out, "WEBP", quality=_QUALITY, method=4)
            made[width] = out.getvalue()

    _open(content, None, make)
    return made


def _open(content: bytes, form: str | None, work: Callable[[Any], None]) -> None:
    formats = [form] if form else ["JPEG", "PNG", "WEBP"]
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(content), formats=formats) as picture:
            warnings.simplefilter("ignore")  # what is odd and readable is no matter here
            if picture.width * picture.height > MAX_PIXELS:
                raise FileRefused("too_many_pixels")
            work(picture)
    except Image.DecompressionBombError:
        raise FileRefused("too_many_pixels") from None
    except UnidentifiedImageError:
        raise FileRefused("type_mismatch") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError, MemoryError):
        raise FileRefused("damaged") from None
