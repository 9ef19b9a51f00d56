"""`python -m devhost.webpubsub`, as a process of its own."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from azure.messaging.webpubsubservice.aio import WebPubSubServiceClient

from devhost.webpubsub.__main__ import arguments, config
from devhost.webpubsub.config import ConfigFaulty
from tests.webpubsub.world import JSON, KEY, SECOND_KEY, event_handler


@asynccontextmanager
async def running(*options: str) -> AsyncGenerator[tuple[asyncio.subprocess.Process, int]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "devhost.webpubsub",
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    found = re.search(r":(\d+)$", line.strip())
    try:
        yield process, int(found[1]) if found else 0
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.communicate(), 10)


async def test_it_serves_until_it_is_told_to_stop() -> None:
    async with event_handler() as handler:
        url = handler.url.replace("{hub}", "h")
        options = ("--hub", "h", "--event-handler", url, "--events", "connect,disconnected", "--user-events", "a, b")
        async with running("--port", "0", "--access-key", KEY, "--secondary-key", SECOND_KEY, *options) as (
            process,
            port,
        ):
            text = f"Endpoint=http://127.0.0.1:{port};AccessKey={SECOND_KEY};Version=1.0;"
            async with (
                WebPubSubServiceClient.from_connection_string(text, "h") as server,
                aiohttp.ClientSession() as http,
            ):
                access = await server.get_client_access_token(user_id="alice")
                async with http.get(f"http://127.0.0.1:{port}/api/health") as healthy:
                    assert healthy.status == 200  # the WebSocket comes over the same connection, from the pool
                async with http.ws_connect(access["url"], protocols=(JSON,)) as client:
                    assert (await client.receive_json())["userId"] == "alice"
                    await server.send_to_all({"n": 1})
                    assert (await client.receive_json())["data"] == {"n": 1}
                    await client.send_json({"type": "event", "event": "a", "ackId": 1, "data": 1})
                    assert (await client.receive_json())["success"] is True
                    await client.send_json({"type": "event", "event": "c", "ackId": 2, "data": 1})
                    assert (await client.receive_json())["success"] is False
                    process.send_signal(signal.SIGTERM)
                    assert (await client.receive_json())["event"] == "disconnected"
                    assert (await client.receive()).data == 1001
            assert await asyncio.wait_for(process.wait(), 5) == 0
        assert handler.names == ["connect", "a"]


async def test_a_port_that_is_taken_is_one_clear_line_and_status_2() -> None:
    async with running("--port", "0", "--access-key", KEY) as (_, port):
        second = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "devhost.webpubsub", "--port", str(port), "--access-key", KEY),
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await asyncio.wait_for(second.communicate(), 20)
        assert second.returncode == 2
        assert errors.decode().count("\n") == 1
        assert str(port) in errors.decode()


@pytest.mark.parametrize(
    "options",
    [
        ["--access-key", ""],
        ["--access-key", "k", "--hub", "h"],
        ["--access-key", "k", "--event-handler", "nowhere"],
        ["--access-key", "k", "--event-handler", "http://h/", "--events", "message"],
    ],
)
def test_bad_options_are_refused(options: list[str]) -> None:
    with pytest.raises(ConfigFaulty):
        config(arguments(options))
