"""What a request says about itself before anything is believed: ids, cookies, the caller's address, its origin."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

import azure.functions as func

from domain.kernel.cache import Allowance

UNKNOWN_ADDRESS = "unknown"
MAX_REQUEST_ID = 128
_ID_PUNCTUATION = str.maketrans("", "", "-_.:")
_HEX = frozenset("0123456789abcdef")


@dataclass(slots=True)
class Incoming:
    """One request as it came, and what the edge learns on the way."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case, repeats joined by commas."""
    request_id: str
    trace_id: str | None
    span_id: str
    allowance: Allowance | None = None

    @classmethod
    def of(cls, req: func.HttpRequest) -> "Incoming":
        headers = getattr(
            req.headers, "__http_headers__", None
        )  # the library's own dict: no copy, no lower() a look-up
        if headers is None:
            headers = {name.lower(): value for name, value in req.headers.items()}
        trace = trace_id(headers.get("traceparent"))
        return cls(
            method=req.method,
            url=req.url,
            headers=headers,
            request_id=request_id(headers.get("x-request-id")),
            trace_id=trace,
            span_id=secrets.token_hex(8) if trace else "",
        )


def request_id(given: str | None) -> str:
    """The caller's id where it is harmless in a log and a header, else a new one of 128 random bits."""
    if given and len(given) <= MAX_REQUEST_ID and given.isascii() and given.translate(_ID_PUNCTUATION).isalnum():
        return given
    return secrets.token_hex(16)


def trace_id(traceparent: str | None) -> str | None:
    """The trace id of a W3C `traceparent` (Trace Context §3.2), or None for a missing or malformed one."""
    if not traceparent:
        return None
    parts = traceparent.split("-")
    if len(parts) < 4 or parts[0] == "ff" or (parts[0] == "00" and len(parts) != 4):  # noqa: PLR2004 - the format
        return None
    if [len(part) for part in parts[:4]] != [2, 32, 16, 2] or not all(_HEX.issuperset(part) for part in parts[:4]):
        return None
    if not parts[1].strip("0") or not parts[2].strip("0"):
        return None
    return parts[1]


def read_cookies(header: str | None) -> dict[str, str]:
    """The cookies of a request. Of two with one name the first counts: the one with the longer path (RFC 6265 §5.4)."""
    cookies: dict[str, str] = {}
    if header:
        for part in header.split(";"):
            name, found, value = part.partition("=")
            if found:
                cookies.setdefault(name.strip(), value.strip())
    return cookies


def client_address(forwarded_for: str | None, depth: int) -> str:
    """The caller's address as the outermost of *depth* trusted proxies saw it.

    Each proxy appends whom it heard from to `X-Forwarded-For`, so the entry *depth* places from the end is the last
    one nobody outside could write. With fewer entries a proxy was passed by, and the first entry is still one of ours.
    """
    if not forwarded_for or depth == 0:
        return UNKNOWN_ADDRESS
    if depth == 1:
        return _address(forwarded_for.rpartition(",")[2].strip())
    entries = forwarded_for.split(",")
    return _address(entries[max(0, len(entries) - depth)].strip())


@lru_cache(maxsize=4096)
def _address(entry: str) -> str:
    """`1.2.3.4`, `1.2.3.4:5678`, `::1` or `[::1]:5678`, in its canonical form and without the port."""
    if entry.startswith("["):
        entry = entry[1:].partition("]")[0]
    elif entry.count(":") == 1:
        entry = entry.partition(":")[0]
    try:
        address = ip_address(entry)
    except ValueError:
        return UNKNOWN_ADDRESS
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """What rates are counted by: the address itself, or an IPv6 address's /64.

    One subscriber holds a whole /64 (RFC 6177): counted by the single address, a limit would mean nothing.
    """
    if ":" not in address:
        return address
    return f"{IPv6Address(int(IPv6Address(address)) >> 64 << 64)}/64"
