"""Entra, as far as services that sign in to us need it: keys that sign, and where they are published."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.factories import NOON

TENANT: Final = "11111111-1111-4111-8111-111111111111"
AUDIENCE: Final = f"api://{TENANT}/tools-dev-events"
PRINCIPAL: Final = "33333333-3333-4333-8333-333333333333"


@dataclass
class Entra:
    """Publishes its *keys* at *login*; *asked* counts how often."""

    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=dict)
    login: str = ""
    asked: int = 0
    down: bool = False

    def turn_over(self, kid: str) -> None:
        self.keys = {kid: rsa.generate_private_key(65537, 2048)}

    def token(self, *, kid: str = "", key: Any = None, algorithm: str = "RS256", **changed: Any) -> str:
        """A managed identity's token as version 1 looks; *changed* claims, None for none."""
        now = int(NOON.timestamp())
        claims = {
            "iss": f"https://sts.windows.net/{TENANT}/",
            "aud": AUDIENCE,
            "oid": PRINCIPAL,
            "tid": TENANT,
            "nbf": now,
            "exp": now + 3600,
            **changed,
        }
        kid = kid or next(iter(self.keys))
        said = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(said, key or self.keys[kid], algorithm, {"kid": kid})

    async def publish(self, _request: web.Request) -> web.Response:
        self.asked += 1
        if self.down:
            return web.Response(status=503)
        keys = [
            json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"}
            for kid, key in self.keys.items()
        ]
        return web.json_response({"keys": [{k: v for k, v in each.items() if k != "key_ops"} for each in keys]})


@asynccontextmanager
async def an_entra() -> AsyncGenerator[Entra]:
    """On a loopback port, with one key."""
    entra = Entra()
    entra.turn_over("first")
    app = web.Application()
    app.router.add_get(f"/{TENANT}/discovery/v2.0/keys", entra.publish)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    entra.login = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield entra
    finally:
        await runner.cleanup()
