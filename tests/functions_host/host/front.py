"""The host's HTTP side: requests become RpcHttp messages, the worker's answers become HTTP again."""

import json
import re
from collections.abc import Mapping
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from aiohttp import web
from multidict import CIMultiDict

from tests.functions_host.host.channel import WorkerDied
from tests.functions_host.host.functions import IndexedFunction
from tests.functions_host.host.host import FunctionsHost, InvocationFailed
from tests.functions_host.host.routes import decode_path

MAX_BODY_BYTES: Final = 100 * 1024 * 1024
"""ScriptConstants.DefaultMaxRequestBodySize."""
CONTROL: Final = "/__host/"
"""Below it: what tests ask of the host itself."""
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SAME_SITE: Final = {1: "lax", 2: "strict", 3: "none"}


class Front:
    """An aiohttp handler."""

    def __init__(self, host: FunctionsHost) -> None:
        self._host = host

    async def handle(self, request: web.BaseRequest) -> web.Response:
        path = decode_path(request.raw_path.partition("?")[0])
        if path.startswith(CONTROL):
            return await self._control(request, path.removeprefix(CONTROL))
        for function in self._host.http:
            values = function.route.match(path) if function.route and function.takes(request.method) else None
            if values is not None:
                return await self._invoke(request, function, values)
        return web.Response(status=404)

    async def _control(self, request: web.BaseRequest, path: str) -> web.Response:
        if path == "functions":
            functions = [function.describe() for function in self._host.functions]
            return web.json_response({"functions": functions, "errors": self._host.errors})
        if path == "logs":
            return web.json_response(list(self._host.logs))
        function = self._host.find(path.removeprefix("fire/"))
        if function is None:
            return web.Response(status=404)
        asked = json.loads(await request.read() or b"{}")
        body = asked["body"] if "body" in asked else json.dumps(asked.get("payload"))
        try:
            returned = await self._host.fire(function, body, asked.get("tries", 1))
        except (InvocationFailed, WorkerDied) as error:
            return web.json_response({"status": "Failure", "error": str(error), "stack": getattr(error, "stack", "")})
        return web.json_response({"status": "Success", "returned": returned})

    async def _invoke(
        self, request: web.BaseRequest, function: IndexedFunction, values: Mapping[str, str]
    ) -> web.Response:
        data = await self._to_rpc(request, values)
        try:
            response = await self._host.invoke(function, data, {}, traceparent=request.headers.get("traceparent", ""))
        except (InvocationFailed, WorkerDied) as error:
            self._host.log(function.name, "Error", f"{error}\n{getattr(error, 'stack', '')}")
            return web.Response(status=500)
        answer = response.return_value if response.HasField("return_value") else None
        if answer is None or answer.WhichOneof("data") is None:
            named = [output.data for output in response.output_data if output.name == "$return"]
            answer = named[0] if named else None
        if answer is None or answer.WhichOneof("data") != "http":
            self._host.log(function.name, "Error", "it returned no HTTP response")
            return web.Response(status=500)
        return self._from_rpc(function, answer.http)

    async def _to_rpc(self, request: web.BaseRequest, values: Mapping[str, str]) -> Any:
        """RpcHttp as the host's ToRpcHttp fills it."""
        rpc = self._host.messages.RpcHttp(
            method=request.method,
            url=f"http://{request.headers.get('Host', '')}{request.raw_path}",
            params=dict(values),
        )
        joined: dict[str, list[str]] = {}
        for name, value in request.headers.items():
            joined.setdefault(name.lower(), []).append(value)
        for name, several in joined.items():
            rpc.headers[name] = (";" if name == "cookie" else ",").join(several)
        spelt: dict[str, tuple[str, list[str]]] = {}
        for name, value in parse_qsl(request.raw_path.partition("?")[2], keep_blank_values=True):
            spelt.setdefault(name.lower(), (name, []))[1].append(value)
        for name, several in spelt.values():
            if ",".join(several):  # empty values are dropped
                rpc.query[name] = ",".join(several)
        body = await request.read()
        if body and "Content-Length" in request.headers:  # a chunked body arrives empty
            rpc.body.bytes = body
        return self._host.messages.TypedData(http=rpc)

    def _from_rpc(self, function: IndexedFunction, rpc: Any) -> web.Response:
        headers: CIMultiDict[str] = CIMultiDict()
        for name, value in rpc.headers.items():
            if name in headers:  # of two that differ only in case the host keeps the first
                continue
            if not _HEADER_NAME.fullmatch(name) or not value.isascii() or re.search(r"[\r\n\0]", value):
                self._host.log(function.name, "Error", f"the header {name!r} cannot be written")
                return web.Response(status=500)
            headers[name] = value
        for cookie in rpc.cookies:
            headers.add("Set-Cookie", render_cookie(cookie))
        status = int(rpc.status_code or 200)
        body = rpc.body.bytes if rpc.body.WhichOneof("data") == "bytes" else rpc.body.string.encode()
        if status in {204, 205, 304}:
            headers.popall("Content-Type", None)
            if body:
                self._host.log(function.name, "Error", f"a body is not allowed with status {status}")
                return web.Response(status=500)
        headers.popall("Content-Length", None)
        return web.Response(status=status, body=body, headers=headers)


def render_cookie(cookie: Any) -> str:
    """RpcHttpCookie as ASP.NET Core's SetCookieHeaderValue writes it: the value percent-encoded, and an empty
    Domain or Path written out as `domain=` and `path=`.
    """
    text = f"{cookie.name}={quote(cookie.value, safe='-_.~')}"
    if cookie.HasField("expires"):
        text += "; expires=" + format_datetime(cookie.expires.value.ToDatetime(), usegmt=False)
    if cookie.HasField("max_age"):
        text += f"; max-age={int(cookie.max_age.value)}"
    if cookie.HasField("domain"):
        text += f"; domain={cookie.domain.value}"
    text += f"; path={cookie.path.value if cookie.HasField('path') else '/'}"
    if cookie.HasField("secure") and cookie.secure.value:
        text += "; secure"
    if cookie.same_site in _SAME_SITE:
        text += f"; samesite={_SAME_SITE[cookie.same_site]}"
    if cookie.HasField("http_only") and cookie.http_only.value:
        text += "; httponly"
    return text
