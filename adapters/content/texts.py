"""Plain text and Markdown: UTF-8 that no program takes for anything else."""

import re
from typing import Final

from domain.files.errors import FileRefused

_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")
_MARKUP: Final = re.compile(
    r"\s*(?:<!--.*?-->\s*)*<(?:!doctype|\?xml|!entity|/?(?:html|head|body|title|script|style|iframe|svg|object|embed|meta|link|base|form|"
    r"img|a|b|br|div|font|h1|p|table|td|tr)\b)",
    re.IGNORECASE | re.DOTALL,
)
"""What browsers take for HTML or XML when they guess (WHATWG MIME Sniffing §7.1), and some more."""
_OTHER: Final = re.compile(r"#!|<\?php|MZ|%PDF-|%!PS|\{\\rtf")
"""How files begin that are something else although they can be read as text."""


def check_text(content: bytes) -> None:
    """Raises FileRefused."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileRefused("type_mismatch") from None
    if _CONTROLS.search(text):
        raise FileRefused("type_mismatch")
    if _MARKUP.match(text) or _OTHER.match(text):
        raise FileRefused("unsafe_content")
