"""A push service on a real socket, and browsers that subscribe to it.

It checks what a real one checks (VAPID's signature, audience and expiry; TTL, topic and urgency), and keeps what it was
sent; a browser decrypts it with the keys it never gave away.
"""

import base64
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import http_ece
import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.kernel.clock import Clock

VAPID_KEY = base64.urlsafe_b64encode(b"\x07" * 32).rstrip(b"=").decode()
SUBJECT = "mailto:team@tools.example"
PUSH = {"APP_VAPID_PRIVATE_KEY": VAPID_KEY, "APP_VAPID_SUBJECT": SUBJECT}
"""The settings with which push is set up."""

CURVE = ec.SECP256R1()
DAY_SECONDS = 86400


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Browser:
    """One subscription of one browser."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._key = ec.generate_private_key(CURVE)
        self._auth = os.urandom(16)

    @property
    def p256dh(self) -> str:
        return base64url(self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    @property
    def auth(self) -> str:
        return base64url(self._auth)

    def to_json(self) -> dict[str, Any]:
        """`PushSubscription.toJSON()`."""
        keys = {"p256dh": self.p256dh, "auth": self.auth}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def read(self, body: bytes) -> dict[str, Any]:
        """RFC 8291: what was pushed, in the clear."""
        plain = http_ece.decrypt(body, private_key=self._key, auth_secret=self._auth, version="aes128gcm")
        said: dict[str, Any] = json.loads(plain)
        return said


@dataclass
class Pushed:
    path: str
    topic: str
    urgency: str
    ttl: int
    body: bytes = field(repr=False)


@dataclass
class PushServer:
    """*answers* are given in turn, the last one for good. *refused* tells what was wrong with a request."""

    port: int
    clock: Clock
    answers: list[int] = field(default_factory=lambda: [201])
    headers: dict[str, str] = field(default_factory=dict)
    pushed: list[Pushed] = field(default_factory=list)
    """Also those that were then answered with an error."""
    refused: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def browser(self, name: str = "b1") -> Browser:
        return Browser(f"{self.origin}/push/{name}")

    async def take(self, request: web.Request) -> web.Response:
        fault = self._fault(request)
        if fault:
            self.refused.append(fault)
            return web.Response(status=403, text=fault)
        self.pushed.append(
            Pushed(
                request.path,
                request.headers.get("Topic", ""),
                request.headers.get("Urgency", ""),
                int(request.headers["TTL"]),
                await request.read(),
            )
        )
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status, headers=self.headers, text="words that nobody reads")

    def _fault(self, request: web.Request) -> str | None:
        """RFC 8292 §4.2, RFC 8030 §5.2 and §5.4, RFC 8291 §4."""
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        if scheme != "vapid" or set(parts) != {"t", "k"}:
            return "no vapid"
        key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, raw_of(parts["k"]))
        try:
            claims = jwt.decode(
                parts["t"], key, algorithms=["ES256"], audience=self.origin, options={"verify_exp": False}
            )
        except jwt.InvalidTokenError as error:
            return f"token: {error}"
        now = self.clock.now().timestamp()
        if not now < claims["exp"] <= now + DAY_SECONDS or claims["sub"] != SUBJECT:
            return "claims"
        if request.headers.get("Content-Encoding") != "aes128gcm" or not request.headers.get("TTL", "").isdigit():
            return "headers"
        if len(request.headers.get("Topic", "")) > 32:
            return "topic"
        return None


@asynccontextmanager
async def a_push_server(clock: Clock) -> AsyncGenerator[PushServer]:
    server = PushServer(0, clock)
    app = web.Application()
    app.router.add_post("/push/{name}", server.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()
