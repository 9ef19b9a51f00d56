"""Each dependency behind its real adapter, on a way that can be cut."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from aiosmtpd.controller import Controller

from adapters.blobs import azure as blobs
from adapters.cache import redis as cache
from adapters.challenge import siteverify as challenge
from adapters.documents import cosmos as documents
from adapters.mail import acs, smtp
from adapters.queues import azure as queue
from adapters.realtime import webpubsub as realtime
from adapters.resilience import Guard, Limits
from adapters.secrets import key_vault as keys
from adapters.secrets.key_ring import KeyRing, encode_ring, fresh_key
from adapters.tokens import entra
from devhost.webpubsub import Config, LocalWebPubSub
from domain.kernel.clock import SystemClock
from domain.kernel.documents import StoreThrottled
from domain.kernel.keys import KeySet
from tests.entra import AUDIENCE, PRINCIPAL, TENANT, an_entra
from tests.faults.proxy import Proxy
from tests.https_services import EmailService, KnownCredential, VaultService, served
from tests.servers import free_port

FAILURES = 2
SECRET = "a-key-for-the-tests-of-faults-and-nothing-else="
CLOCK = SystemClock()


@dataclass
class Moment:
    """Seconds, moved by hand."""

    at: float = 0.0

    def __call__(self) -> float:
        return self.at


@dataclass
class Dependency:
    part: Any
    guard: Guard
    way: Proxy


@dataclass
class Builder:
    """Builds one dependency; *request* has the servers that tests share. *limits* are changed as a test wants them."""

    request: pytest.FixtureRequest
    folder: Path
    moment: Moment = field(default_factory=Moment)
    limits: dict[str, float] = field(default_factory=dict)

    @asynccontextmanager
    async def build(self, name: str) -> AsyncGenerator[Dependency]:
        async with AsyncExitStack() as stack:
            dependency: Dependency = await getattr(self, name)(stack)
            try:
                yield dependency
            finally:
                await dependency.part.close()

    async def documents(self, stack: AsyncExitStack) -> Dependency:
        server = self.request.getfixturevalue("cosmos_emulator")
        database = f"db-{uuid4()}"
        made = documents.CosmosDocuments(server.url, database, key="a2V5")
        await made.ensure_containers()
        await made.close()
        guard = self._guard("documents", documents.GUARD, StoreThrottled)
        return await self._behind(
            stack,
            server.port,
            guard,
            lambda way: documents.CosmosDocuments(way.url, database, key="a2V5", guard=guard),
        )

    async def cache(self, stack: AsyncExitStack) -> Dependency:
        guard = self._guard("cache", cache.GUARD)
        port = self.request.getfixturevalue("redis").port
        return await self._behind(
            stack, port, guard, lambda way: cache.RedisCache(f"redis://127.0.0.1:{way.port}", CLOCK, guard=guard)
        )

    async def blobs(self, stack: AsyncExitStack) -> Dependency:
        azurite, guard = self.request.getfixturevalue("azurite"), self._guard("blobs", blobs.GUARD)

        def make(way: Proxy) -> blobs.AzureBlobs:
            text = azurite.connection_string.replace(f":{azurite.blob_port}/", f":{way.port}/")
            return blobs.AzureBlobs("files", CLOCK, connection_string=text, guard=guard)

        return await self._behind(stack, azurite.blob_port, guard, make)

    async def queue(self, stack: AsyncExitStack) -> Dependency:
        azurite, guard = self.request.getfixturevalue("azurite"), self._guard("queue", queue.GUARD)

        def make(way: Proxy) -> queue.StorageQueue:
            text = azurite.connection_string.replace(f":{azurite.queue_port}/", f":{way.port}/")
            return queue.StorageQueue(connection_string=text, guard=guard)

        return await self._behind(stack, azurite.queue_port, guard, make)

    async def keys(self, stack: AsyncExitStack) -> Dependency:
        vault = VaultService(secrets={"signing-keys": encode_ring(KeyRing(KeySet(fresh_key())))})
        await stack.enter_async_context(served(vault, self.folder))
        guard = self._guard("keys", keys.GUARD)

        def make(way: Proxy) -> keys.KeyVaultKeys:
            url = way.url.replace("http:", "https:")
            return keys.KeyVaultKeys(
                url, "signing-keys", KnownCredential, guard=guard, verify=vault.certificate, verify_challenge=False
            )

        return await self._behind(stack, _port(vault.url), guard, make)

    async def mail_by_azure(self, stack: AsyncExitStack) -> Dependency:
        service, guard = EmailService(), self._guard("mail", acs.GUARD)
        await stack.enter_async_context(served(service, self.folder))

        def make(way: Proxy) -> acs.AzureMailer:
            url = way.url.replace("http:", "https:")
            return acs.AzureMailer(
                url, KnownCredential, sender="a@b.example", clock=CLOCK, guard=guard, verify=service.certificate
            )

        return await self._behind(stack, _port(service.url), guard, make)

    async def mail_by_smtp(self, stack: AsyncExitStack) -> Dependency:
        controller, guard = Controller(object(), "127.0.0.1", free_port()), self._guard("mail", smtp.GUARD)
        controller.start()
        stack.callback(controller.stop)
        return await self._behind(
            stack,
            controller.port,
            guard,
            lambda way: smtp.SmtpMailer(
                "127.0.0.1", way.port, sender="a@b.example", clock=CLOCK, start_tls=False, guard=guard
            ),
        )

    async def realtime(self, stack: AsyncExitStack) -> Dependency:
        service = await stack.enter_async_context(LocalWebPubSub(Config(SECRET)).serve())
        guard = self._guard("realtime", realtime.GUARD)

        def make(way: Proxy) -> realtime.WebPubSubRealtime:
            text = f"Endpoint={way.url};AccessKey={SECRET};Version=1.0;"
            return realtime.WebPubSubRealtime("mackchat", connection_string=text, guard=guard)

        return await self._behind(stack, service.port, guard, make)

    async def challenge(self, stack: AsyncExitStack) -> Dependency:
        async def verify(_: web.Request) -> web.Response:
            return web.json_response({"success": False, "error-codes": ["invalid-input-response"]})

        app = web.Application()
        app.router.add_post("/siteverify", verify)
        runner = web.AppRunner(app)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        guard = self._guard("challenge", challenge.GUARD)
        return await self._behind(
            stack,
            runner.addresses[0][1],
            guard,
            lambda way: challenge.Siteverify(f"{way.url}/siteverify", "hush", guard=guard),
        )

    async def entra(self, stack: AsyncExitStack) -> Dependency:
        publisher = await stack.enter_async_context(an_entra())
        guard = self._guard("entra", entra.GUARD)
        return await self._behind(
            stack,
            _port(publisher.login),
            guard,
            lambda way: entra.EntraTokens(TENANT, AUDIENCE, PRINCIPAL, CLOCK, login=way.url, guard=guard),
        )

    def _guard(self, name: str, limits: Limits, *answered: Any) -> Guard:
        """As the adapter wants it, but sooner tired, and by our clock."""
        changed: dict[str, Any] = {"failures": FAILURES, "rest": 1.0, **self.limits}
        return Guard(name, replace(limits, **changed), answered=answered, now=self.moment)

    async def _behind(self, stack: AsyncExitStack, port: int, guard: Guard, make: Callable[[Proxy], Any]) -> Dependency:
        way = await stack.enter_async_context(Proxy.before(port))
        return Dependency(make(way), guard, way)


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
