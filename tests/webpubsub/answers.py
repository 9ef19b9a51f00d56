"""How event handlers of these tests answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Answer = Callable[[web.BaseRequest, bytes], Awaitable[web.Response]]


def answering(*, to: str, **answer: Any) -> Answer:
    """Answers one event so, and 204 to the others."""

    async def give(request: web.BaseRequest, _body: bytes) -> web.Response:
        return web.Response(**answer) if request.headers["ce-eventName"] == to else web.Response(status=204)

    return give


def holding(*, to: str, until: asyncio.Event) -> Answer:
    """Answers 204 to all, to one event only once *until* is set."""

    async def give(request: web.BaseRequest, _body: bytes) -> web.Response:
        if request.headers["ce-eventName"] == to:
            await until.wait()
        return web.Response(status=204)

    return give


async def vanishing(request: web.BaseRequest, _body: bytes) -> web.Response:
    """Cuts the connection instead of answering."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
