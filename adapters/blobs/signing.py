"""The signed URLs of the embedded store: what a shared access signature is in Azure, with the same words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Final
from urllib.parse import urlencode

from domain.kernel.keys import Key, mac, same
from domain.kernel.opaque import decode_opaque, encode_opaque

_PURPOSE: Final = "blob-url"
CREATE: Final = "c"
WRITE: Final = "cw"
"""Also in blocks, and over what is there: committing a list of blocks cannot be told from doing so again."""
READ: Final = "r"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a URL lets whoever has it do, with one blob, until *se* (epoch seconds).

    Named as in a SAS: *sp* permissions, *rsct* the type it is read as (or uploaded as), *rscd* the disposition.
    """

    sp: str
    se: int
    rsct: str
    rscd: str = ""
    max_bytes: int = 0


def sign(key: Key, name: str, grant: Grant) -> str:
    """The query string."""
    return urlencode({**_members(grant), "sig": encode_opaque(mac(key, _PURPOSE, _message(name, grant)))})


def read_grant(keys: Iterable[Key], name: str, query: Mapping[str, str], *, now: int) -> Grant | None:
    """The grant in a query string, if it is ours, for this blob, and not over."""
    try:
        said = {field.name: query[field.name] for field in fields(Grant)}
        grant = Grant(said["sp"], int(said["se"]), said["rsct"], said["rscd"], int(said["max_bytes"]))
        given = decode_opaque(query["sig"])
    except (KeyError, ValueError):
        return None
    if given is None or _members(grant) != said or grant.se <= now:
        return None
    message = _message(name, grant)
    # No shortcut: all keys are tried, whichever fits.
    return grant if any([same(given, mac(key, _PURPOSE, message)) for key in keys]) else None  # noqa: C419


def _members(grant: Grant) -> dict[str, str]:
    return {field.name: str(getattr(grant, field.name)) for field in fields(Grant)}


def _message(name: str, grant: Grant) -> bytes:
    """Each part with its length in front, so that no two grants have the same message."""
    parts = [name, *_members(grant).values()]
    return b"".join(b"%d:%s" % (len(raw), raw) for raw in (part.encode() for part in parts))
