"""Microsoft's JavaScript SDKs, the server's and the client's: they must not be able to tell. See node/sdks.cjs."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.servers import node_environment, program
from tests.webpubsub.world import HUB, event_handler, handled_by, place

SCRIPT = Path(__file__).parent / "node" / "sdks.cjs"


async def run_script() -> dict[str, Any]:
    """The script's report, with a service and an event handler of its own."""
    node, environment = program("node"), await asyncio.to_thread(node_environment)
    async with event_handler() as handler, place(handled_by(handler)) as talk:

        async def answer(request: web.BaseRequest, body: bytes) -> web.Response:
            match request.headers["ce-eventName"]:
                case "echo":
                    return web.Response(body=body, content_type=request.content_type)
                case "fail":
                    return web.Response(status=400)
                case "cut":
                    talk.service.cut(HUB, request.headers["ce-connectionId"])
            return web.Response(status=204)

        handler.answer = answer
        process = await asyncio.create_subprocess_exec(
            node,
            str(SCRIPT),
            talk.service.connection_string("127.0.0.1"),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, errors.decode()
        report: dict[str, Any] = json.loads(out)
        return report


@pytest.mark.servers
async def test_the_javascript_sdks_work_unchanged() -> None:
    report = await run_script()
    for protocol in ("json", "reliable"):
        seen = report[protocol]
        alice, bob = seen["heard"]
        assert bob[:20] == [["g", {"n": n}, "alice"] for n in range(20)]
        assert bob[20:] == [["g", "text", "bob"], ["g", [0, 255], "bob"], ["g", "once", "alice"]]
        assert alice == [
            ["g", "text", "bob"],
            ["g", [0, 255], "bob"],
            ["server", {"a": 1}, None],
            ["g", "once", "alice"],
        ]
        assert seen["failing"] == "InternalServerError"
        assert seen["refused"] == "Forbidden"
        assert seen["duplicates"] == [False, True]
        assert seen["disconnected"] == [0, 0]
    assert report["recovery"] == {"heard": list(range(30)), "connected": 1}
    assert report["rest"] == {
        "absent": [False] * 3,
        "there": [True] * 3,
        "members": [[True, "al/ice ü"]],
        "bulk": [True, True],
        "unbulk": [False, True],
        "left": False,
        "permission": [True, False],
        "badFilter": "400",
        "heard": [
            ["a b/ü", {"to": "group"}, None],
            ["server", "all", None],
            ["server", {"to": "user"}, None],
            ["server", [1, 2], None],
        ],
    }
