"""A person's chat in a browser: `browser.cjs` in Node."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.main_job.live import WAIT_SECONDS
from tests.main_job.people import Person
from tests.servers import node_environment, program

SCRIPT = Path(__file__).parent / "browser.cjs"


class BrowserChat:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def next(self, event: str) -> dict[str, Any]:
        """The data of the next *event*; others before it are passed over."""
        assert self._process.stdout is not None
        async with asyncio.timeout(WAIT_SECONDS):
            async for line in self._process.stdout:
                got = json.loads(line)
                if got.get("event") == event:  # an answer to what we sent has none
                    return dict(got["data"])
        raise AssertionError("the browser is gone")

    async def send(self, conversation_id: str, text: str, client_message_id: str) -> None:
        body = {"conversationId": conversation_id, "text": text, "clientMessageId": client_message_id}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(body).encode() + b"\n")
        await self._process.stdin.drain()


@asynccontextmanager
async def browser_chat(person: Person) -> AsyncGenerator[BrowserChat]:
    """*person*, connected until the block ends."""
    node, environment = program("node"), await asyncio.to_thread(node_environment)
    negotiated = await person.call("POST", "/chat/negotiate", 200)
    process = await asyncio.create_subprocess_exec(
        *(node, str(SCRIPT), negotiated["url"]),
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    chat = BrowserChat(process)
    try:
        await chat.next("connected")
        yield chat
    finally:
        process.kill()
        await process.wait()
