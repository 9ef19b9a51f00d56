"""Azure services that speak HTTPS only, as small servers on loopback: Key Vault's secrets, and e-mail.

They answer what the real ones answer, as far as Microsoft's SDKs ask. `broken` makes them answer with a status instead.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Self

from aiohttp import web
from azure.core.credentials import AccessToken
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Handler = Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]


class KnownCredential:
    """Signs in as somebody, without asking anybody. Conforms to the SDK's `AsyncTokenCredential`."""

    def __init__(self, token: str = "a-token") -> None:
        self._token = token
        self.scopes: list[str] = []

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        return AccessToken(self._token, 4_000_000_000)

    async def close(self) -> None:
        """Nothing is held open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return


@dataclass
class Service:
    """Common to all: where it is, the certificate to trust, and the requests it took."""

    url: str = ""
    certificate: str = ""
    broken: int | None = None
    asked: int = 0


@dataclass
class VaultService(Service):
    secrets: dict[str, str] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.broken is not None:
            return web.json_response({"error": {"code": "Broken"}}, status=self.broken)
        if "Authorization" not in request.headers:
            tenant = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555"
            challenge = f'Bearer authorization="{tenant}", resource="https://vault.azure.net"'
            return web.json_response({}, status=401, headers={"WWW-Authenticate": challenge})
        name = request.path.split("/")[2]
        if request.method == "PUT":
            self.secrets[name] = (await request.json())["value"]
        if name not in self.secrets:
            return web.json_response({"error": {"code": "SecretNotFound"}}, status=404)
        found = {"value": self.secrets[name], "id": f"{self.url}/secrets/{name}/1", "attributes": {"enabled": True}}
        return web.json_response(found)


@dataclass
class EmailService(Service):
    operations: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was sent, by operation id: a repeat is the same operation."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        if self.broken is not None:
            return web.json_response({"error": {"code": "Broken"}}, status=self.broken)
        if request.headers.get("Authorization") != "Bearer a-token":
            return web.json_response({}, status=401)
        if request.method == "GET":
            known = request.path.rpartition("/")[2] in self.operations
            return web.json_response({"status": "Running"} if known else {}, status=200 if known else 404)
        operation = request.headers["Operation-Id"]
        self.operations.setdefault(operation, await request.json())
        headers = {"Operation-Location": f"{self.url}/emails/operations/{operation}"}
        return web.json_response({"id": operation, "status": "Running"}, status=202, headers=headers)


@asynccontextmanager
async def served(service: VaultService | EmailService, folder: Path) -> AsyncGenerator[None]:
    """Serve over TLS, with a certificate of its own written into *folder*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    service.certificate = make_certificate(folder)
    context.load_cert_chain(service.certificate)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", service.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    service.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield
    finally:
        await runner.cleanup()


async def parted() -> None:
    """Wait until TLS connections that a client has closed are gone: each still hears the server's farewell, and a loop
    that ends before leaves its socket to the garbage collector, in whichever test that runs (aiohttp, "Graceful
    shutdown").
    """
    await asyncio.sleep(0.25)


def make_certificate(folder: Path) -> str:
    """A key and a certificate for 127.0.0.1 in one file; its path."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return str(path)
