"""The decorator that turns a handler into an Azure Function: the only code that knows the worker's habits."""

from collections.abc import Callable
from typing import Any

import azure.functions as func

from web.access import Access
from web.declaration import DEFAULT_MAX_BODY_BYTES, Endpoint, Handler, Limit


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
    errors: tuple[str, ...] = (),
    limit: Limit = Limit.DEFAULT,
    idempotent: bool = False,
    etag: bool = False,
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
    media_types: tuple[str, ...] = ("application/json",),
) -> Callable[[Handler], Handler]:
    """Register *handler* as the function of its own name.  See `web.declaration.Endpoint` for the words."""
    raise NotImplementedError(
        bp,
        method,
        route,
        access,
        takes,
        query,
        gives,
        status,
        errors,
        limit,
        idempotent,
        etag,
        max_body_bytes,
        media_types,
        Endpoint,
    )
