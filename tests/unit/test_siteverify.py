"""The challenge service's protocol, over a real socket."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from adapters.challenge.siteverify import Siteverify
from domain.kernel.errors import Unavailable
from runtime.environment import SettingsFaulty
from runtime.settings import Settings
from tests.factories import an_environment


class Service:
    """Answers as told, and remembers what it was asked."""

    def __init__(self, status: int, body: str) -> None:
        self._status, self._body = status, body
        self.asked: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append({name: str(value) for name, value in (await request.post()).items()})
        return web.Response(status=self._status, text=self._body)


@asynccontextmanager
async def served(service: Service) -> AsyncGenerator[Siteverify]:
    app = web.Application()
    app.router.add_post("/siteverify", service.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    challenge = Siteverify(f"http://127.0.0.1:{port}/siteverify", "hush")
    try:
        yield challenge
    finally:
        await challenge.close()
        await runner.cleanup()


@pytest.mark.parametrize(
    ("body", "passed"),
    [
        ('{"success": true}', True),
        ('{"success": false, "error-codes": []}', False),
        ('{"success": "true"}', False),
        ("[]", False),
    ],
)
async def test_only_a_plain_yes_is_a_yes(body: str, *, passed: bool) -> None:
    service = Service(200, body)
    async with served(service) as challenge:
        assert await challenge.passed("token", address="203.0.113.7") is passed
    assert service.asked == [{"secret": "hush", "response": "token", "remoteip": "203.0.113.7"}]


@pytest.mark.parametrize(("status", "body"), [(500, "oops"), (200, "not JSON")])
async def test_a_service_that_fails_is_unavailable(status: int, body: str) -> None:
    async with served(Service(status, body)) as challenge:
        with pytest.raises(Unavailable):
            await challenge.passed("token", address=None)


async def test_a_service_that_is_gone_is_unavailable() -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    challenge = Siteverify(f"http://127.0.0.1:{port}/siteverify", "hush")
    with pytest.raises(Unavailable) as refused:
        await challenge.passed("token", address=None)
    assert refused.value.retry_after
    await challenge.close()


def test_address_and_secret_go_together_and_over_tls(tmp_path: Path) -> None:
    def faults(**settings: str) -> str:
        with pytest.raises(SettingsFaulty) as refused:
            Settings.read(an_environment(tmp_path, **settings))
        return str(refused.value)

    assert "go together" in faults(APP_CHALLENGE_SECRET="hush")
    assert "go together" in faults(APP_CHALLENGE_VERIFY_URL="https://challenge.example/siteverify")
    plain = faults(APP_CHALLENGE_VERIFY_URL="http://challenge.example/siteverify", APP_CHALLENGE_SECRET="hush")
    assert "https" in plain
    assert "hush" not in plain
