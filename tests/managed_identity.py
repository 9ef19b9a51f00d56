"""Signing in as in Azure, without Azure: the platform's identity endpoint, and doors that let in by its tokens.

azure-identity and the SDKs' own policies are the real ones. The endpoint speaks App Service's protocol (version
2019-08-01), which Functions has too; a door stands, with TLS, before a server that knows keys only.
"""

import ssl
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, unquote

import aiohttp
import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

TENANT: Final = "11111111-1111-4111-8111-111111111111"
CLIENT_ID: Final = "22222222-2222-4222-8222-222222222222"
OBJECT_ID: Final = "33333333-3333-4333-8333-333333333333"
ISSUER: Final = f"https://sts.windows.net/{TENANT}/"
HEADER: Final = "a-secret-of-the-platform"
HOUR: Final = 3600
_HOP: Final = {"authorization", "host", "content-length", "transfer-encoding", "connection"}


@dataclass
class ManagedIdentity:
    """Gives tokens for what is *asked*. *elsewhere*: they are good for another audience.

    *down*: it gives none, and answers with that status.
    """

    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    asked: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    elsewhere: bool = False
    down: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        if self.down:
            return web.json_response({"message": "no identity here"}, status=self.down)
        assert request.headers["X-IDENTITY-HEADER"] == HEADER
        assert request.query["client_id"] == CLIENT_ID
        resource, now = request.query["resource"], int(time.time())
        self.asked.append(resource)
        claims = {
            "iss": ISSUER,
            "aud": "https://elsewhere.example" if self.elsewhere else resource,
            "oid": OBJECT_ID,
            "tid": TENANT,
            "nbf": now - 60,
            "iat": now - 60,
            "exp": now + HOUR,
        }
        token = jwt.encode(claims, self.key, "RS256")
        self.given.append(token)
        answer = {"access_token": token, "expires_on": str(now + HOUR), "resource": resource, "token_type": "Bearer"}
        return web.json_response(answer)

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[dict[str, str]]:
        """The environment by which the SDK finds it."""
        async with listening(self.answer) as port:
            yield {"IDENTITY_ENDPOINT": f"http://127.0.0.1:{port}/msi/token", "IDENTITY_HEADER": HEADER}


@dataclass
class Door:
    """Forwards to *upstream* whoever has a token of *identity* for *audience*, as somebody whom the server knows.

    *known* makes that server's own `Authorization` for a URL. *open_*: without any token one is forwarded as well, to
    be told what to bring.
    """

    identity: ManagedIdentity
    upstream: str
    audience: str
    known: Callable[[str], str] = lambda _: ""
    open_: bool = False
    refused: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        said = request.headers.get("Authorization")
        if not self._lets_in(said):
            self.refused += 1
            return web.json_response({"error": {"code": "Unauthorized"}}, status=401)
        url = self.upstream + request.raw_path
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        if said is not None:
            headers["Authorization"] = self.known(url)
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(request.method, url, headers=headers, data=await request.read()) as got,
        ):
            back = {name: value for name, value in got.headers.items() if name.lower() not in _HOP}
            return web.Response(status=got.status, headers=back, body=await got.read())

    def _lets_in(self, said: str | None) -> bool:
        if said is None:
            return self.open_
        try:
            jwt.decode(_token(said), self.identity.key.public_key(), ["RS256"], audience=self.audience, issuer=ISSUER)
        except jwt.InvalidTokenError:
            return False
        return True

    @asynccontextmanager
    async def serve(self, certificate: str) -> AsyncGenerator[str]:
        """Its URL."""
        async with listening(self.answer, certificate) as port:
            yield f"https://127.0.0.1:{port}"


def _token(said: str) -> str:
    """Of `Bearer TOKEN`, or of Cosmos DB's `type=aad&ver=1.0&sig=TOKEN`, percent-encoded."""
    cosmos = parse_qs(unquote(said))
    return cosmos["sig"][0] if cosmos.get("type") == ["aad"] else said.removeprefix("Bearer ")


@asynccontextmanager
async def listening(handler: Callable[[web.Request], object], certificate: str | None = None) -> AsyncGenerator[int]:
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
