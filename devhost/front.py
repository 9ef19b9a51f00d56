"""What the port serves: the app's HTTP triggers, and beside them what only the dev host has."""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from devhost.blobs import App
from devhost.pages import Answer, Pages, names_this_machine
from devhost.requests import Gone, Receive, Refused, Scope, Send, read_body, read_headers

Administer = Callable[[str, Mapping[str, str], str], Awaitable[tuple[int, str]]]
"""Runs one command of `runtime.admin` with its options and standard input; answers exit status and output."""

_ALWAYS: Final = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class Front:
    """An ASGI app. *secret* proves that a command comes from this user: it is in the data folder's lock."""

    def __init__(self, triggers: App, pages: Pages, administer: Administer, *, secret: str, serving: str) -> None:
        self._triggers = triggers
        self._pages = pages
        self._administer = administer
        self._secret = secret
        self._serving = serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path == "/":
            await _send(send, Answer(302, "text/plain", "", headers=(("location", "/_dev/"),)))
        elif path.startswith("/_dev/"):
            await self._own(path.removeprefix("/_dev/"), scope, receive, send)
        else:
            await self._triggers(scope, receive, send)

    async def _own(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(path, scope, receive)
        except Refused as refusal:
            answer = Answer(refusal.status, "text/plain", "")
        except Gone:
            return
        await _send(send, answer)

    async def _answer(self, path: str, scope: Scope, receive: Receive) -> Answer:
        headers = read_headers(scope["headers"])
        if not names_this_machine(headers.get("host", ""), self._serving):
            raise Refused(403)
        if path == "admin":
            return await self._command(scope["method"], headers, receive)
        if scope["method"] not in {"GET", "HEAD"}:
            raise Refused(405)
        return await self._pages.answer(path)

    async def _command(self, method: str, headers: dict[str, str], receive: Receive) -> Answer:
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if method != "POST":
            raise Refused(405)
        if not secrets.compare_digest(given.encode(), self._secret.encode()):
            raise Refused(401)
        try:
            said = json.loads(await read_body(headers, receive))
            options = {str(name): str(value) for name, value in said["options"].items()}
            command, text = str(said["command"]), str(said["input"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused(400) from error
        status, output = await self._administer(command, options, text)
        return Answer(200, "application/json", json.dumps({"status": status, "output": output}))


async def _send(send: Send, answer: Answer) -> None:
    body = answer.body.encode()
    headers = [
        (b"content-type", answer.media_type.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"content-security-policy", answer.policy.encode()),
        *((name.encode(), value.encode()) for name, value in answer.headers),
        *_ALWAYS,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
