"""What a function returned, turned into what the Functions host writes.

The library's own converter does the first half, here as in the worker, so a cookie it cannot read is lost here as
it would be in Azure.
"""

import re
from functools import lru_cache
from http.cookies import Morsel
from urllib.parse import quote

from azure.functions.http import HttpResponseConverter

Headers = list[tuple[bytes, bytes]]

_NO_BODY = frozenset({204, 205, 304})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[^\r\n\0]*")
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})


class Unwritable(Exception):
    """The host fails to write this: the caller gets a bare 500, the log says why."""


def convert(answer: object) -> tuple[int, Headers, bytes]:
    """Status, headers and body. Raises Unwritable."""
    try:
        datum = HttpResponseConverter.encode(answer, expected_type=None)
    except NotImplementedError as error:
        raise Unwritable(f"a function returned {type(answer).__name__}, which is no response") from error
    if datum.type == "string":
        return 200, [(b"content-type", b"text/plain; charset=utf-8")], datum.value.encode()
    parts = datum.value
    status = int(parts["status_code"].value)
    body: bytes = parts["body"].value
    headers: Headers = []
    seen: set[str] = set()
    for name, value in parts["headers"].items():
        lower = name.lower()
        if lower not in seen and lower not in _FRAMING:  # of two that differ only in case the host keeps the first
            seen.add(lower)
            headers.append(_header(lower, value.value))
    for cookie in parts["cookies"] or ():
        # Not kept in memory: cookies are secrets.
        headers.extend(_encode("set-cookie", render_cookie(morsel)) for morsel in cookie.values())
    if status in _NO_BODY:
        if body:
            raise Unwritable(f"a body is not allowed with status {status}")
        headers = [header for header in headers if header[0] != b"content-type"]
    else:
        headers.append((b"content-length", b"%d" % len(body)))
    return status, headers, body


@lru_cache(maxsize=1024)  # most headers are the same in every answer; this halves the time of `convert`
def _header(name: str, value: str) -> tuple[bytes, bytes]:
    return _encode(name, value)


def _encode(name: str, value: str) -> tuple[bytes, bytes]:
    if not _NAME.fullmatch(name) or not value.isascii() or not _VALUE.fullmatch(value):
        raise Unwritable(f"the header {name!r} cannot be written")
    return name.encode(), value.encode()


def render_cookie(morsel: "Morsel[str]") -> str:
    """As ASP.NET Core writes it: the value percent-encoded, attributes in its order, unknown ones gone.

    Unlike the host this leaves out an empty `domain=`, which browsers ignore and strict cookie jars trip over.
    """
    text = f"{morsel.key}={quote(morsel.value, safe='-_.~')}"
    if morsel["expires"]:
        text += f"; expires={morsel['expires']}"
    if morsel["max-age"] != "":
        text += f"; max-age={morsel['max-age']}"
    if morsel["domain"]:
        text += f"; domain={morsel['domain']}"
    text += f"; path={morsel['path']}"
    if morsel["secure"]:
        text += "; secure"
    if morsel["samesite"]:
        text += f"; samesite={morsel['samesite'].lower()}"
    if morsel["httponly"]:
        text += "; httponly"
    return text
