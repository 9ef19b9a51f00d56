"""What no endpoint takes: unknown addresses, wrong methods, and the questions browsers ask before a request.

The Functions host answers those itself, without envelope or headers, unless a catch-all function takes them.
"""

from typing import Final
from urllib.parse import urlsplit

from domain.kernel.errors import NotFound
from web.call import Call
from web.declaration import ENDPOINTS
from web.errors import MethodNotAllowed
from web.reply import Reply

ROUTE_PREFIX: Final = "api"


async def answer_unrouted(call: Call) -> Reply:
    """Say what is wrong with an address or a method; answer preflights. Raises NotFound, MethodNotAllowed."""
    allowed = allowed_methods(urlsplit(call.url).path)
    if not allowed:
        raise NotFound
    methods = ", ".join(sorted(allowed | {"OPTIONS"}))
    if call.method == "OPTIONS":
        return Reply(204, headers=call.preflight_headers(methods))
    raise MethodNotAllowed(allow=methods)


def allowed_methods(path: str) -> set[str]:
    """The methods that some endpoint takes at *path*; HEAD wherever GET is."""
    segments = path.strip("/").split("/")
    if segments[0] != ROUTE_PREFIX:
        return set()
    found = {each.method for each in ENDPOINTS.values() if _leads(each.route.split("/"), segments[1:])}
    return found | {"HEAD"} if "GET" in found else found


def _leads(route: list[str], segments: list[str]) -> bool:
    """Whether a route matches: literally, without case as ASP.NET does it, or by a parameter, which is never empty."""
    return len(route) == len(segments) and all(
        given != "" if wanted.startswith("{") else wanted.lower() == given.lower()
        for wanted, given in zip(route, segments, strict=True)
    )
