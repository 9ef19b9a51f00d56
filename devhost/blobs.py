"""Serves the embedded blobs under `/_blobs/`, by signed URLs, in the words of Azure's Blob service.

So a client that uploads here uploads there: a plain `PUT` with `x-ms-blob-type: BlockBlob`, or blocks
(`comp=block&blockid=`) and their list (`comp=blocklist`). Downloads take ranges.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from adapters.blobs.embedded import PATH, Arriving, BlobExists, BlockMissing, EmbeddedBlobs
from adapters.blobs.names import is_name
from adapters.blobs.signing import READ, Grant
from devhost.requests import Gone, Receive, Scope, Send, read_headers
from domain.files.ports import BlobStat

App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[str, str]]

MAX_LIST_BYTES: Final = 4 * 1024 * 1024
MAX_BLOCK_ID_BYTES: Final = 64
_PIECE: Final = 256 * 1024
_BLOCK: Final = re.compile(rb"<(?:Latest|Uncommitted)>\s*([A-Za-z0-9+/=]+)\s*</(?:Latest|Uncommitted)>")
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_ALWAYS: Final[Headers] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; sandbox"),
    ("referrer-policy", "no-referrer"),
]


class Refusal(Exception):
    """Answered with *status* and Azure's *code*."""

    def __init__(self, status: int, code: str, headers: Headers | None = None) -> None:
        self.status, self.code, self.headers = status, code, headers or []
        super().__init__(code)


class WithBlobs:
    """An ASGI app: *inner*, and beside it the blobs, for pages of *origins* too (`*`: of any)."""

    def __init__(self, inner: App, blobs: EmbeddedBlobs, origins: tuple[str, ...]) -> None:
        self._inner = inner
        self._blobs = blobs
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PATH):
            await self._inner(scope, receive, send)
            return
        headers = read_headers(scope["headers"])
        answer = _Answer(send, self._cors(headers), bodiless=scope["method"] == "HEAD")
        try:
            await self._serve(scope, headers, receive, answer)
        except Refusal as refusal:
            await answer.refuse(refusal)
        except Gone:
            return

    def _cors(self, headers: dict[str, str]) -> Headers:
        origin = headers.get("origin", "")
        allowed = bool(origin) and (origin in self._origins or "*" in self._origins)
        exposed = "ETag, Content-Length, Content-Range, x-ms-error-code"
        cors = [("access-control-allow-origin", origin), ("access-control-expose-headers", exposed)]
        return [("vary", "Origin"), *(cors if allowed else [])]

    async def _serve(self, scope: Scope, headers: dict[str, str], receive: Receive, answer: "_Answer") -> None:
        # As sent, not as decoded: a name of ours needs no escapes, so one that has any is not ours.
        name, method = scope["raw_path"].decode("latin-1").removeprefix(PATH), scope["method"]
        if method == "OPTIONS":
            await answer.preflight(headers)
            return
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        grant = await self._blobs.find_grant(name, query) if is_name(name) else None
        if grant is None:
            raise Refusal(403, "AuthenticationFailed")
        if method in {"GET", "HEAD"}:
            if grant.sp != READ:
                raise Refusal(403, "AuthorizationPermissionMismatch")
            await self._download(name, grant, headers, answer)
        elif method == "PUT":
            if "c" not in grant.sp:
                raise Refusal(403, "AuthorizationPermissionMismatch")
            await self._upload(name, grant, query, headers, receive, answer)
        else:
            raise Refusal(405, "UnsupportedHttpVerb", [("allow", "GET, HEAD, PUT, OPTIONS")])

    async def _upload(
        self,
        name: str,
        grant: Grant,
        query: dict[str, str],
        headers: dict[str, str],
        receive: Receive,
        answer: "_Answer",
    ) -> None:
        comp = query.get("comp")
        if comp is None:
            if headers.get("x-ms-blob-type") != "BlockBlob":
                raise Refusal(400, "MissingRequiredHeader")
            arriving = await self._take(headers, receive, grant.max_bytes)
            try:
                stat = await asyncio.to_thread(self._blobs.keep, arriving, name, overwrite="w" in grant.sp)
            except BlobExists:
                raise Refusal(403, "UnauthorizedBlobOverwrite") from None
            await answer.created(stat)
            return
        if "w" not in grant.sp:
            raise Refusal(403, "AuthorizationPermissionMismatch")
        if comp == "block":
            block_id = _block_id(query.get("blockid", "").encode())
            most = grant.max_bytes - await asyncio.to_thread(self._blobs.blocks_size, name)
            arriving = await self._take(headers, receive, max(most, 0))
            await asyncio.to_thread(self._blobs.keep_block, arriving, name, block_id)
            await answer.created(None)
        elif comp == "blocklist":
            arriving = await self._take(headers, receive, MAX_LIST_BYTES)
            path = arriving.finish()
            listed = path.read_bytes()
            path.unlink()
            try:
                stat = await asyncio.to_thread(
                    self._blobs.commit, name, [_block_id(found) for found in _BLOCK.findall(listed)]
                )
            except BlockMissing:
                raise Refusal(400, "InvalidBlockList") from None
            await answer.created(stat)
        else:
            raise Refusal(400, "InvalidQueryParameterValue")

    async def _take(self, headers: dict[str, str], receive: Receive, most: int) -> Arriving:
        announced = headers.get("content-length", "")
        if not announced.isdecimal():
            raise Refusal(411, "MissingContentLengthHeader")
        if int(announced) > most:
            raise Refusal(413, "RequestBodyTooLarge")
        arriving = self._blobs.arrive()
        more = True
        while more:
            message = await receive()
            arriving.write(message.get("body", b""))
            more = message.get("more_body", False)
            if message["type"] != "http.request" or arriving.size > most:
                arriving.discard()
                raise Gone
        return arriving

    async def _download(self, name: str, grant: Grant, headers: dict[str, str], answer: "_Answer") -> None:
        found = await asyncio.to_thread(self._blobs.open, name)
        if found is None:
            raise Refusal(404, "BlobNotFound")
        path, stat = found
        first, last = _range(headers.get("range"), stat.size)
        said: Headers = [
            ("content-type", grant.rsct),
            ("content-disposition", grant.rscd),
            ("accept-ranges", "bytes"),
            ("etag", f'"{stat.etag}"'),
        ]
        status = 200
        if (first, last) != (0, stat.size - 1):
            status = 206
            said.append(("content-range", f"bytes {first}-{last}/{stat.size}"))
        await answer.file(status, said, path, first, last - first + 1)


class _Answer:
    """Writes one answer."""

    def __init__(self, send: Send, cors: Headers, *, bodiless: bool) -> None:
        self._send = send
        self._cors = cors
        self._bodiless = bodiless

    async def begin(self, status: int, headers: Headers, length: int) -> None:
        said = [*headers, ("content-length", str(length)), *_ALWAYS, *self._cors]
        raw = [(name.encode(), value.encode("latin-1")) for name, value in said]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def body(self, body: bytes = b"", *, more: bool = False) -> None:
        await self._send({"type": "http.response.body", "body": b"" if self._bodiless else body, "more_body": more})

    async def created(self, stat: BlobStat | None) -> None:
        await self.begin(201, [] if stat is None else [("etag", f'"{stat.etag}"')], 0)
        await self.body()

    async def refuse(self, refusal: Refusal) -> None:
        body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{refusal.code}</Code></Error>'.encode()
        said = [("content-type", "application/xml"), ("x-ms-error-code", refusal.code), *refusal.headers]
        await self.begin(refusal.status, said, len(body))
        await self.body(body)

    async def preflight(self, headers: dict[str, str]) -> None:
        """Fetch §4.8. Who may ask is settled: without the CORS headers the browser stops here."""
        wanted = headers.get("access-control-request-headers", "")
        said = [("access-control-allow-methods", "GET, HEAD, PUT"), ("access-control-max-age", "7200")]
        if wanted and re.fullmatch(r"[A-Za-z0-9-]+(, *[A-Za-z0-9-]+)*", wanted):
            said.append(("access-control-allow-headers", wanted))
        await self.begin(200, said, 0)
        await self.body()

    async def file(self, status: int, headers: Headers, path: Path, first: int, length: int) -> None:
        with suppress(FileNotFoundError):
            file = await asyncio.to_thread(path.open, "rb")
            with file:
                await self.begin(status, headers, length)
                file.seek(first)
                while length > 0 and not self._bodiless:
                    piece = await asyncio.to_thread(file.read, min(_PIECE, length))
                    if not piece:
                        break
                    length -= len(piece)
                    await self.body(piece, more=True)
                await self.body()
            return
        raise Refusal(404, "BlobNotFound")


def _block_id(text: bytes) -> bytes:
    try:
        block_id = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        block_id = b""
    if not 1 <= len(block_id) <= MAX_BLOCK_ID_BYTES:
        raise Refusal(400, "InvalidQueryParameterValue")
    return block_id


def _range(header: str | None, size: int) -> tuple[int, int]:
    """First and last byte to send (RFC 9110 §14). What is not one range of bytes is ignored."""
    found = _RANGE.fullmatch(header.strip()) if header else None
    if found is None or not (found[1] or found[2]):
        return 0, size - 1
    if not found[1]:
        first, last = max(0, size - int(found[2])), size - 1
    else:
        first, last = int(found[1]), min(int(found[2] or size), size - 1)
        if found[2] and int(found[2]) < first:
            return 0, size - 1
    if first > last:
        raise Refusal(416, "InvalidRange", [("content-range", f"bytes */{size}")])
    return first, last
