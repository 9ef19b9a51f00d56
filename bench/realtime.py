"""What a send costs its caller, through the adapter and with less around it: `python -m bench.realtime`.

CPU of this process, 16 sends at a time, against the local realtime service in another. "Building the request" is
Microsoft's client with nothing beneath it; "aiohttp" is the same request with nothing above it.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp
import jwt
import msgspec
import uvloop
from azure.core.credentials import AzureKeyCredential
from azure.core.pipeline import AsyncPipeline, PipelineContext, PipelineResponse
from azure.messaging.webpubsubservice.aio import WebPubSubServiceClient

from adapters.realtime.webpubsub import WebPubSubRealtime
from tests.process import ROOT

KEY: Final = "a-key-for-the-bench-of-the-realtime-service="
HUB: Final = "bench"
GROUP: Final = "c.0192f0c8-0000-7000-8000-000000000000"
EVENT: Final = {"event": "message.new", "id": "0192f0c8", "data": {"text": "x" * 300}}
AT_ONCE: Final = 16
ROUNDS: Final = 200


class Accepted:
    status_code = 202


class Nowhere(AsyncPipeline[Any, Any]):
    """Accepts what it is given."""

    async def run(self, request: Any, **_: Any) -> Any:
        return PipelineResponse(request, Accepted, PipelineContext(None))


async def microseconds(send: Callable[[], Awaitable[object]]) -> float:
    """CPU for each *send*, the best of three rounds."""

    async def some() -> None:
        for _ in range(ROUNDS):
            await send()

    await some()
    taken = []
    for _ in range(3):
        began = time.process_time()
        await asyncio.gather(*(some() for _ in range(AT_ONCE)))
        taken.append((time.process_time() - began) / (AT_ONCE * ROUNDS) * 1e6)
    return min(taken)


async def measure(url: str) -> None:
    realtime = WebPubSubRealtime(HUB, connection_string=f"Endpoint={url};AccessKey={KEY};Version=1.0;")
    print(f"adapter               {await microseconds(lambda: realtime.send_to_group(GROUP, EVENT)):5.0f} µs")
    await realtime.close()
    sdk = WebPubSubServiceClient(url, HUB, AzureKeyCredential(KEY), pipeline=Nowhere(None))  # type: ignore[arg-type]
    print(f"building the request  {await microseconds(lambda: sdk.send_to_group(GROUP, EVENT)):5.0f} µs")
    target = f"{url}/api/hubs/{HUB}/groups/{GROUP}/:send?api-version=2024-12-01"
    token = jwt.encode({"aud": target, "exp": 2**31}, KEY, algorithm="HS256")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(auto_decompress=False) as http:

        async def post() -> None:
            async with http.post(target, data=msgspec.json.encode(EVENT), headers=headers) as answer:
                assert answer.status == 202, answer.status
                await answer.read()

        print(f"aiohttp               {await microseconds(post):5.0f} µs")


async def main() -> None:
    command = (sys.executable, "-m", "devhost.webpubsub", "--port", "0", "--access-key", KEY)
    service = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert service.stdout is not None
    try:
        await measure((await service.stdout.readline()).decode().split()[-1])
    finally:
        service.terminate()
        await service.wait()


if __name__ == "__main__":
    uvloop.run(main())
