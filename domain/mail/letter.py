"""A letter, and its two faces: plain text and HTML made from the same words, so that they cannot differ.

Everything typed by people passes through `one_line` or is escaped here, in one place; templates hold plain words only.
"""

import html
import unicodedata
from dataclasses import dataclass, field
from typing import Final

ORGANISATION: Final = "T.O.O.L.S Inc"
MAX_SUBJECT_CHARS: Final = 150
MAX_GREETED_NAME_CHARS: Final = 60


@dataclass(frozen=True, slots=True)
class Letter:
    """*facts* are label and value; *quote* is text of others, shown as such. *link* is one of our own URLs."""

    subject: str
    opening: str = field(repr=False)
    paragraphs: tuple[str, ...]
    link: tuple[str, str] | None = field(default=None, repr=False)
    """What the button says, and where it leads."""
    after_link: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    quote: str = field(default="", repr=False)


def greeting(name: str) -> str:
    """`Hello Ada,`, or `Hello,` where the name could be more than a name.

    Anyone can type a stranger's address and a "name" that sells or threatens; our letters must not carry it.
    """
    name = one_line(name)
    return f"Hello {name}," if name and len(name) <= MAX_GREETED_NAME_CHARS and _is_name_like(name) else "Hello,"


def _is_name_like(name: str) -> bool:
    """Letters, marks and what joins names. A dot ends a word, so `evil.example` is no name."""
    return all(
        unicodedata.category(char)[0] in "LM" or char in " '\u2019-" or (char == "." and following == " ")
        for char, following in zip(name, name[1:] + " ", strict=True)
    )


def one_line(text: str, *, max_chars: int = MAX_SUBJECT_CHARS) -> str:
    """Fit for a header or a table cell: no control, format or line-break characters, single spaces, cut with `…`."""
    kept = "".join(" " if unicodedata.category(char) in _BREAKS else char for char in text)
    kept = " ".join("".join(char for char in kept if unicodedata.category(char) not in _DROPPED).split())
    return kept if len(kept) <= max_chars else kept[: max_chars - 1].rstrip() + "…"


_BREAKS: Final = frozenset({"Cc", "Zl", "Zp", "Zs"})
_DROPPED: Final = frozenset({"Cf", "Cs", "Co", "Cn"})


def as_text(letter: Letter) -> str:
    parts = [letter.opening, *letter.paragraphs]
    if letter.facts:
        parts.append("\n".join(f"{label}: {one_line(value, max_chars=500)}" for label, value in letter.facts))
    if letter.quote:
        parts.append("\n".join(f"> {line}" for line in _lines(letter.quote)))
    if letter.link is not None:
        label, url = letter.link
        parts.append(f"{label}:\n{url}")
    parts += letter.after_link
    parts.append(f"-- \n{ORGANISATION}")
    return "\n\n".join(parts) + "\n"


def as_html(letter: Letter) -> str:
    """One column, no images, nothing loaded from elsewhere: readable in every mail program, and it tracks nobody."""
    body = [_paragraph(letter.opening), *map(_paragraph, letter.paragraphs)]
    if letter.facts:
        rows = "".join(
            f'<tr><th style="text-align:left;padding:2px 12px 2px 0">{_escape(label)}</th>'
            f"<td>{_escape(one_line(value, max_chars=500))}</td></tr>"
            for label, value in letter.facts
        )
        body.append(f"<table>{rows}</table>")
    if letter.quote:
        quoted = "<br>".join(map(_escape, _lines(letter.quote)))
        body.append(
            f'<blockquote style="margin:16px 0;padding-left:12px;border-left:3px solid #999">{quoted}</blockquote>'
        )
    if letter.link is not None:
        label, url = letter.link
        body.append(
            f'<p><a href="{_escape(url)}" style="display:inline-block;padding:12px 20px;border-radius:6px;'
            f'background:#1a4f8b;color:#ffffff;text-decoration:none">{_escape(label)}</a></p>'
            f'<p style="font-size:14px">If the button does not work, copy this address into your browser:<br>'
            f"{_escape(url)}</p>"
        )
    body += map(_paragraph, letter.after_link)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_escape(letter.subject)}</title></head>'
        '<body style="margin:0;padding:24px;font:16px/1.5 sans-serif;color:#1b1b1b;background:#ffffff">'
        f'<div style="max-width:560px;margin:0 auto">{"".join(body)}<p style="color:#555">{ORGANISATION}</p></div>'
        "</body></html>\n"
    )


def _paragraph(text: str) -> str:
    return f"<p>{_escape(text)}</p>"


def _lines(text: str) -> list[str]:
    return [one_line(line, max_chars=2000) for line in text.splitlines()]


def _escape(text: str) -> str:
    return html.escape(text, quote=True)
