"""Is it up, is it ready, which version is it."""

from collections.abc import Sequence

import azure.functions as func

from blueprints.access import ANYONE
from runtime import parts
from runtime.readiness import Finding
from web.bodies import Out
from web.call import Call
from web.declaration import Limit
from web.endpoint import endpoint
from web.errors import UNAVAILABLE_SECONDS, ErrorBody, unavailable
from web.reply import Reply

bp = func.Blueprint()


class HealthOut(Out):
    status: str


class VersionOut(Out):
    version: str


class DependencyOut(Out, omit_defaults=True):
    """*required*: without it the product is down, not just poorer. *circuit*: `closed`, or `open` while a service that
    failed is left alone, or `half_open` when it is about to be tried again. *note*: how it stands, where that matters.
    """

    status: str
    required: bool
    latency_ms: float
    circuit: str | None = None
    note: str | None = None


class ReadyOut(Out, omit_defaults=True):
    """*status* is `ready`, `degraded` (something is down that we can do without), or `unavailable`."""

    status: str
    dependencies: dict[str, DependencyOut]
    error: ErrorBody | None = None

    @classmethod
    def of(cls, findings: Sequence[Finding], request_id: str) -> "ReadyOut":
        dependencies = {
            each.name: DependencyOut(
                status="up" if each.up else "down",
                required=each.required,
                latency_ms=each.latency_ms,
                circuit=each.circuit,
                note=each.note,
            )
            for each in findings
        }
        if any(each.required and not each.up for each in findings):
            return cls(status="unavailable", dependencies=dependencies, error=unavailable(request_id))
        degraded = any(not each.up for each in findings)
        return cls(status="degraded" if degraded else "ready", dependencies=dependencies)


@endpoint(bp, "GET", "healthz", access=ANYONE, gives=HealthOut, limit=Limit.NONE)
async def healthz(call: Call) -> Reply:  # noqa: ARG001 - the handlers' shape
    """Tell that the process is up and its settings are sound.

    No dependency is asked: a process that waits for its database is not helped by a restart.
    """
    parts.get()
    return Reply(200, HealthOut(status="ok"))


@endpoint(bp, "GET", "readyz", access=ANYONE, gives=ReadyOut, limit=Limit.NONE)
async def readyz(call: Call) -> Reply:
    """Tell whether each service behind us answers, and how fast.

    503 when one is down that the product cannot do without. An answer may be a second old. Asking wakes a database
    that pauses when idle, and that costs: ask after a deployment, and let the platform's own probes use `healthz`.
    """
    body = ReadyOut.of(await parts.get().readiness.look(), call.request_id)
    if body.error is None:
        return Reply(200, body)
    return Reply(503, body, {"Retry-After": str(UNAVAILABLE_SECONDS)})


@endpoint(bp, "GET", "version", access=ANYONE, gives=VersionOut)
async def version(call: Call) -> Reply:  # noqa: ARG001 - the handlers' shape
    """Tell which release answers."""
    return Reply(200, VersionOut(version=parts.get().settings.version))
