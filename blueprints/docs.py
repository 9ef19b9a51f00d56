"""The API as it is, for programs and for people. Made when first asked for: most workers never are."""

from functools import cache
from typing import Any

import azure.functions as func

from blueprints.access import ANYONE
from web.bodies import encode
from web.call import Call
from web.declaration import ENDPOINTS
from web.endpoint import endpoint
from web.reply import Reply

bp = func.Blueprint()
FRESH = {"Cache-Control": "public, max-age=300"}


@cache
def document() -> bytes:
    """The same as `docs/openapi.json`."""
    from web.openapi import describe

    return encode(describe(ENDPOINTS.values()))


@cache
def page() -> tuple[bytes, dict[str, str]]:
    """The page, and its headers."""
    from web.docs_page import CONTENT_SECURITY_POLICY, render_page
    from web.openapi import describe

    return render_page(describe(ENDPOINTS.values())), {**FRESH, "Content-Security-Policy": CONTENT_SECURITY_POLICY}


@endpoint(bp, "GET", "openapi.json", access=ANYONE, gives=dict[str, Any], etag=True)
async def openapi(call: Call) -> Reply:  # noqa: ARG001 - the handlers' shape
    """Describe this API as an OpenAPI 3.1 document."""
    return Reply(200, document(), FRESH, cacheable=True)


@endpoint(bp, "GET", "docs", access=ANYONE, gives=bytes, etag=True)
async def docs(call: Call) -> Reply:  # noqa: ARG001 - the handlers' shape
    """Show this API as a page for people, without anything from elsewhere."""
    body, headers = page()
    return Reply(200, body, headers, media_type="text/html", cacheable=True)
