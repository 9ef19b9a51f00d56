"""The link at the end of an e-mail about missed messages.  Walk: `docs/flows/missed-messages.md`."""

from urllib.parse import quote

import azure.functions as func

from blueprints.access import ANYONE
from blueprints.auth_shapes import MessageOut, TokenQuery
from runtime import parts
from web.call import Call
from web.endpoint import endpoint
from web.reply import Reply

bp = func.Blueprint()


@endpoint(bp, "GET", "v1/users/unsubscribe", access=ANYONE, query=TokenQuery, status=302)
async def show_unsubscribe(call: Call) -> Reply:
    """Lead to the site's page that asks whether to end these e-mails.

    Changes nothing: mail programs and scanners follow links by themselves.
    """
    token = quote(call.query(TokenQuery).token, safe="")
    return Reply(302, None, {"Location": f"{parts.get().settings.site_url}/unsubscribe?token={token}"})


@endpoint(
    bp,
    "POST",
    "v1/users/unsubscribe",
    access=ANYONE,
    query=TokenQuery,
    gives=MessageOut,
    errors=("invalid_token",),
)
async def unsubscribe(call: Call) -> Reply:
    """End e-mails about missed messages, by the token of the link in one of them.

    For mail programs (RFC 8058: `List-Unsubscribe=One-Click`; any body will do) and for the site's page. Nobody need be
    signed in, and doing it again is fine.
    """
    await parts.get().users.unsubscribing.end_digests(call.query(TokenQuery).token)
    return Reply(200, MessageOut("You will get no more e-mails about missed messages."))
