"""The decorator that turns a handler into an Azure Function: the only code that knows the worker's habits."""

import inspect
from collections.abc import Callable
from typing import Any

import azure.functions as func

from web.access import Access
from web.declaration import DEFAULT_MAX_BODY_BYTES, ENDPOINTS, Deprecated, Endpoint, Handler, Limit
from web.serve import Prepared, serve


def endpoint(
    bp: func.Blueprint,
    method: str,
    route: str,
    *,
    access: Access,
    takes: type[Any] | None = None,
    query: type[Any] | None = None,
    gives: Any = None,
    status: int = 200,
    also: tuple[int, ...] = (),
    errors: tuple[str, ...] = (),
    limit: Limit = Limit.DEFAULT,
    idempotent: bool = False,
    replays_itself: bool = False,
    refusal_ends_session: bool = False,
    etag: bool = False,
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
    media_types: tuple[str, ...] = ("application/json",),
    deprecated: Deprecated | None = None,
) -> Callable[[Handler], Handler]:
    """Register *handler* as the function of its own name.  See `web.declaration.Endpoint` for the words.

    The first line of the handler's docstring is the operation's summary, the rest its description. A GET answers HEAD.
    """

    def decorate(handler: Handler) -> Handler:
        name: str = handler.__name__
        if name in ENDPOINTS:
            msg = f"two endpoints are called {name}"
            raise ValueError(msg)
        summary, _, description = inspect.cleandoc(handler.__doc__ or "").partition("\n")
        declared = Endpoint(
            name=name,
            method=method,
            route=route,
            access=access,
            handler=handler,
            summary=summary.strip(),
            description=description.strip(),
            takes=takes,
            query=query,
            gives=gives,
            status=status,
            also=also,
            errors=errors,
            limit=limit,
            idempotent=idempotent,
            replays_itself=replays_itself,
            refusal_ends_session=refusal_ends_session,
            etag=etag,
            max_body_bytes=max_body_bytes,
            media_types=media_types,
            deprecated=deprecated,
        )
        ENDPOINTS[name] = declared
        register(bp, Prepared.of(declared), ["GET", "HEAD"] if method == "GET" else [method])
        return handler

    return decorate


def register(bp: func.Blueprint, prepared: Prepared, methods: list[str] | None) -> None:
    """Make an Azure Function of an endpoint; no *methods* are all methods.

    Never `functools.wraps`: the worker follows `__wrapped__` to the handler's signature and refuses the function
    (azure-functions-python-worker #1168). It resolves the annotations, so they must be real.
    """

    async def run(req: func.HttpRequest) -> func.HttpResponse:
        return await serve(prepared, req)

    run.__name__ = run.__qualname__ = prepared.endpoint.name
    run.__module__ = prepared.endpoint.handler.__module__
    bp.function_name(name=prepared.endpoint.name)(
        bp.route(route=prepared.endpoint.route, methods=methods, auth_level=func.AuthLevel.ANONYMOUS)(run)
    )
