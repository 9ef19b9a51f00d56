"""The catch-all: it has the lowest precedence, so it gets what no other function takes."""

import azure.functions as func

from blueprints.access import ANYONE
from web.declaration import Endpoint
from web.endpoint import register
from web.fallback import answer_unrouted
from web.serve import Prepared

bp = func.Blueprint()
register(
    bp,
    Prepared.of(
        Endpoint(
            name="unrouted",
            method="*",
            route="{*path}",
            access=ANYONE,
            handler=answer_unrouted,
            summary="What no endpoint takes.",
        )
    ),
    methods=None,
)
