"""Is it up, is it ready, which version is it."""

import azure.functions as func

from blueprints.access import ANYONE
from runtime import parts
from web.bodies import Out
from web.call import Call
from web.declaration import Limit
from web.endpoint import endpoint
from web.reply import Reply

bp = func.Blueprint()


class HealthOut(Out):
    status: str


class VersionOut(Out):
    version: str


@endpoint(bp, "GET", "healthz", access=ANYONE, gives=HealthOut, limit=Limit.NONE)
async def healthz(call: Call) -> Reply:  # noqa: ARG001 - the handlers' shape
    """Tell that the process is up and its settings are sound.

    No dependency is asked: a process that waits for its database is not helped by a restart.
    """
    parts.get()
    return Reply(200, HealthOut("ok"))


@endpoint(bp, "GET", "version", access=ANYONE, gives=VersionOut)
async def version(call: Call) -> Reply:  # noqa: ARG001 - the handlers' shape
    """Tell which release answers."""
    return Reply(200, VersionOut(parts.get().settings.version))
