"""The HTTP triggers of a function app as an ASGI app, behaving as the Functions host and its Python worker do.

`docs/flows/dev-host.md` lists what is the same and what is not.
"""

import json
import logging
from pathlib import Path

import azure.functions as func

from devhost.functions import ALL_METHODS, Function, functions_of
from devhost.requests import Gone, Receive, Refused, Scope, Send, add_caller, read_body, read_headers, read_query
from devhost.responses import Headers, Unwritable, convert
from devhost.routes import RouteTable, decode_path

log = logging.getLogger("devhost")

HOST_JSON = Path(__file__).parents[1] / "host.json"


def route_prefix(host_json: Path = HOST_JSON) -> str:
    """What the host puts before every route: `api` unless host.json says otherwise."""
    prefix = json.loads(host_json.read_text("utf-8")).get("extensions", {}).get("http", {}).get("routePrefix", "api")
    return str(prefix).strip("/")


class HttpTriggers:
    """Serves every HTTP function of *app*."""

    def __init__(self, app: func.FunctionApp, *, prefix: str | None = None) -> None:
        prefix = route_prefix() if prefix is None else prefix
        self._routes: RouteTable[Function] = RouteTable()
        for function in functions_of(app):
            if function.kind == "httpTrigger":
                methods = tuple(str(method) for method in function.trigger.get("methods") or ALL_METHODS)
                self._routes.add(f"{prefix}/{function.trigger['route']}", methods, function)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} here")
        try:
            status, headers, body = await self._answer(scope, receive)
        except Refused as refusal:
            status, headers, body = _bare(refusal.status)
        except Gone:
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, Headers, bytes]:
        raw_path = scope["raw_path"].decode("latin-1")
        method = scope["method"]
        path = decode_path(raw_path)
        if "\0" in path:
            raise Refused(400)
        found = self._routes.find(method, path)
        if found is None:
            raise Refused(404)
        function, route_params = found
        headers = read_headers(scope["headers"])
        add_caller(headers, scope.get("client"))
        body = await read_body(headers, receive)
        if not body and "transfer-encoding" in headers:
            log.warning("%s: the Functions host drops a chunked body; send Content-Length", function.name)
        query = scope["query_string"]
        url = f"{scope['scheme']}://{headers.get('host', '')}{raw_path}"
        request = func.HttpRequest(
            method=method,
            url=f"{url}?{query.decode('latin-1')}" if query else url,
            headers=headers,
            params=read_query(query),
            route_params=route_params,
            body=body,
        )
        try:
            return convert(await function.invoke(request))
        except Unwritable as error:
            log.error("%s: %s", function.name, error)  # noqa: TRY400 - the message says all
        except Exception:
            log.exception("%s failed", function.name)
        return _bare(500)


def _bare(status: int) -> tuple[int, Headers, bytes]:
    return status, [(b"content-length", b"0")], b""
