"""Every service is signed in to with the managed identity: azure-identity and the SDKs as in Azure, all else is here.

What cannot be had here: Entra itself, and the services' own check of roles. A wrong role looks like a wrong audience.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import jwt
import pytest
from azure.core.exceptions import ResourceExistsError
from redis.asyncio import Redis

from adapters.blobs.azure import AzureBlobs
from adapters.cache.redis import RedisCache
from adapters.documents.cosmos import CosmosDocuments
from adapters.identity import AzureIdentity, redis_credentials
from adapters.mail.acs import AzureMailer
from adapters.queues.azure import StorageQueue
from adapters.realtime.webpubsub import WebPubSubRealtime
from adapters.secrets.key_ring import KeyRing, encode_ring, fresh_key
from adapters.secrets.key_vault import KeyVaultKeys
from adapters.sql.azure import TOKEN_SCOPE, managed_identity
from adapters.sql.errors import SqlUnavailable
from devhost.webpubsub import Config, LocalWebPubSub
from domain.kernel.clock import SystemClock
from domain.kernel.containers import ACCOUNTS
from domain.kernel.errors import Unavailable
from domain.kernel.ids import SystemIds
from domain.kernel.keys import KeySet
from domain.kernel.mail import MailMessage
from tests.https_services import EmailService, VaultService, make_certificate, parted
from tests.managed_identity import CLIENT_ID, OBJECT_ID, Door, ManagedIdentity, listening
from tests.servers import AZURITE_ACCOUNT, Azurite, azurite_server, free_port, program, running

CLOCK = SystemClock()
IDS = SystemIds(CLOCK)
ACCESS_KEY = "k" * 44
HUB = "mackchat"
MESSAGE = MailMessage("<1@tools.example>", "ada@people.example", "Hello", "Hello.", "<p>Hello.</p>")


@dataclass(frozen=True)
class SignedIn:
    """*part* is what signs in; *audience* whom its tokens must be for."""

    part: Any
    audience: str

    async def use(self) -> None:
        """More than one call, on what only who is let in can do."""
        await self.part.ping()
        match self.part:
            case CosmosDocuments():
                await self.part.upsert(ACCOUNTS, {"pk": "p", "id": "i"})
            case AzureBlobs():
                ends = CLOCK.now() + timedelta(minutes=1)
                await self.part.sign_upload(
                    f"{IDS.new()}/upload", media_type="text/plain", max_bytes=1, expires_at=ends, in_blocks=False
                )
            case StorageQueue():
                await self.part.send("mail", {"to": "ada"})
            case AzureMailer():
                await self.part.send(MESSAGE)
            case KeyVaultKeys():
                assert (await self.part.get()).current.kid
            case WebPubSubRealtime():
                await self.part.send_to_user("ada", {"event": "x"})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of everything on this machine that speaks TLS here."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def azurite_by_token(certificate: str) -> Iterator[Azurite]:
    with azurite_server(certificate=certificate) as azurite:
        yield azurite


@pytest.fixture(autouse=True)
def _trusted(certificate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate, as those of Azure are trusted everywhere: by what the SDKs' HTTP client takes by default."""
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", ssl.create_default_context(cafile=certificate))


@pytest.fixture
async def platform(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[ManagedIdentity]:
    platform = ManagedIdentity()
    async with platform.serve() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield platform


@pytest.fixture
async def identity(platform: ManagedIdentity) -> AsyncGenerator[AzureIdentity]:
    identity = AzureIdentity(CLIENT_ID, production=True)
    yield identity
    await identity.close()


@dataclass
class Place:
    """Makes the services; each is closed with *stack*."""

    request: pytest.FixtureRequest
    platform: ManagedIdentity
    identity: AzureIdentity
    certificate: str
    stack: AsyncExitStack
    sockets: str = ""
    """The realtime service's own address."""

    def without_door(self, url: str) -> str:
        parts = urlsplit(url)
        return f"{self.sockets}{parts.path}?{parts.query}"

    async def documents(self) -> SignedIn:
        server = self.request.getfixturevalue("cosmos_emulator")
        database = f"db-{uuid4()}"
        with_key = CosmosDocuments(server.url, database, key="a2V5")
        await with_key.ensure_containers()
        await with_key.close()
        audience = "https://127.0.0.1"  # the account's host
        url = await self.stack.enter_async_context(Door(self.platform, server.url, audience).serve(self.certificate))
        return self._made(CosmosDocuments(url, database, credential=lambda: self.identity.credential), audience)

    async def blobs(self) -> SignedIn:
        url = self._azurite("blob")
        made = AzureBlobs("files", CLOCK, endpoint=url, credential=lambda: self.identity.credential)
        if not self.platform.elsewhere and not self.platform.down:
            with suppress(ResourceExistsError):
                await made._open().create_container()
        return self._made(made, "https://storage.azure.com")

    async def queue(self) -> SignedIn:
        made = StorageQueue(endpoint=self._azurite("queue"), credential=lambda: self.identity.credential)
        if not self.platform.elsewhere and not self.platform.down:
            with suppress(ResourceExistsError):
                await made._open().create_queue("mail")
        return self._made(made, "https://storage.azure.com")

    async def realtime(self) -> SignedIn:
        service = await self.stack.enter_async_context(LocalWebPubSub(Config(ACCESS_KEY)).serve())
        audience = "https://webpubsub.azure.com"
        self.sockets = f"http://127.0.0.1:{service.port}"
        door = Door(self.platform, self.sockets, audience, _access_key)
        url = await self.stack.enter_async_context(door.serve(self.certificate))
        return self._made(WebPubSubRealtime(HUB, endpoint=url, credential=lambda: self.identity.credential), audience)

    async def keys(self) -> SignedIn:
        vault = VaultService(secrets={"signing-keys": encode_ring(KeyRing(KeySet(fresh_key())))})
        audience = "https://vault.azure.net"
        url = await self._door(vault, audience, open_=True)
        made = KeyVaultKeys(url, "signing-keys", lambda: self.identity.credential, verify_challenge=False)
        return self._made(made, audience)

    async def mail(self) -> SignedIn:
        service = EmailService()
        audience = "https://communication.azure.com/"  # as the SDK spells it
        url = await self._door(service, audience, open_=False)
        made = AzureMailer(url, lambda: self.identity.credential, sender="a@b.example", clock=CLOCK)
        return self._made(made, audience)

    async def cache(self) -> SignedIn:
        """Redis with TLS, as Azure's: the user is our object id, and the password a token for Redis."""
        port = free_port()
        command = [program("redis-server"), "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1"]
        command += ["--tls-cert-file", self.certificate, "--tls-key-file", self.certificate]
        command += ["--tls-auth-clients", "no", "--save", "", "--appendonly", "no"]
        self.stack.enter_context(running(command, ready="Ready to accept", port=port))
        url = f"rediss://127.0.0.1:{port}?ssl_ca_certs={self.certificate}"
        await self._admit_to_redis(url)
        made = RedisCache(url, CLOCK, credentials=redis_credentials(self.identity))
        return self._made(made, "https://redis.azure.com")

    async def _admit_to_redis(self, url: str) -> None:
        async with Redis.from_url(url) as redis:
            if not self.platform.elsewhere and not self.platform.down:
                token = (await self.identity.credential.get_token("https://redis.azure.com/.default")).token
                await redis.acl_setuser(
                    OBJECT_ID, enabled=True, passwords=[f"+{token}"], categories=["+@all"], keys=["*"]
                )
            await redis.acl_setuser("default", enabled=False)

    async def _door(self, service: VaultService | EmailService, audience: str, *, open_: bool) -> str:
        """To a service that trusts one token."""
        port = await self.stack.enter_async_context(listening(service.answer))
        service.url = f"http://127.0.0.1:{port}"
        door = Door(self.platform, service.url, audience, lambda _: "Bearer a-token", open_=open_)
        return await self.stack.enter_async_context(door.serve(self.certificate))

    def _azurite(self, service: str) -> str:
        azurite: Azurite = self.request.getfixturevalue("azurite_by_token")
        port = azurite.blob_port if service == "blob" else azurite.queue_port
        return f"https://127.0.0.1:{port}/{AZURITE_ACCOUNT}"

    def _made(self, part: Any, audience: str) -> SignedIn:
        self.stack.push_async_callback(part.close)
        return SignedIn(part, audience)


def _access_key(url: str) -> str:
    """As the realtime service's own clients sign with its key."""
    return "Bearer " + jwt.encode({"aud": url.partition("?")[0], "exp": 4_000_000_000}, ACCESS_KEY, "HS256")


@pytest.fixture
async def place(
    request: pytest.FixtureRequest,
    platform: ManagedIdentity,
    identity: AzureIdentity,
    certificate: str,
) -> AsyncGenerator[Place]:
    async with AsyncExitStack() as stack:
        yield Place(request, platform, identity, certificate, stack)
    await parted()


SERVICES = [
    *(pytest.param(name, marks=pytest.mark.servers) for name in ("documents", "blobs", "queue", "cache")),
    *("realtime", "keys", "mail"),
]


@pytest.mark.parametrize("name", SERVICES)
async def test_the_identity_is_let_in_with_one_token_for_many_calls(place: Place, name: str) -> None:
    signed_in: SignedIn = await getattr(place, name)()
    for _ in range(2):
        await signed_in.use()
    assert place.platform.asked == [signed_in.audience]


@pytest.mark.parametrize("name", SERVICES)
async def test_a_token_for_somebody_else_is_unavailable_and_stays_out_of_the_log(
    place: Place, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    place.platform.elsewhere = True
    signed_in: SignedIn = await getattr(place, name)()
    with pytest.raises(Unavailable):
        await signed_in.part.ping()
    assert place.platform.given
    assert not any(token in caplog.text for token in place.platform.given)


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize("name", SERVICES)
async def test_a_platform_without_the_identity_is_unavailable(place: Place, name: str, status: int) -> None:
    """And its 404 is not the service's: nothing is missing."""
    place.platform.down = status
    signed_in: SignedIn = await getattr(place, name)()
    with pytest.raises(Unavailable):
        await signed_in.part.ping()
    match signed_in.part:
        case CosmosDocuments():
            with pytest.raises(Unavailable):
                await signed_in.part.find(ACCOUNTS, "p", "i")
        case AzureBlobs():
            with pytest.raises(Unavailable):
                await signed_in.part.stat(f"{IDS.new()}/upload")


async def test_sql_gets_tokens_of_the_same_identity(platform: ManagedIdentity) -> None:
    """Its driver blocks, and so does its credential."""
    token = managed_identity(CLIENT_ID)
    assert await asyncio.to_thread(token) == platform.given[0]
    assert await asyncio.to_thread(token) == platform.given[0]
    assert platform.asked == [TOKEN_SCOPE.removesuffix("/.default")]
    platform.down = 404
    with pytest.raises(SqlUnavailable):
        await asyncio.to_thread(managed_identity(CLIENT_ID))


async def test_a_client_of_the_realtime_service_gets_in_by_a_url_that_the_service_made(place: Place) -> None:
    signed_in = await place.realtime()
    access = await signed_in.part.client_access("ada", session_id="s1", expires_in=timedelta(hours=1))
    async with aiohttp.ClientSession() as http:
        # Past the door, which carries no WebSockets.
        url = place.without_door(access.url)
        async with http.ws_connect(url, protocols=("json.webpubsub.azure.v1",)) as socket:
            assert (await socket.receive_json(timeout=5))["userId"] == "ada"
