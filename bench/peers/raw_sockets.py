"""The least a fan-out can be: what comes on `/send` goes to all of `/hear`. Nothing is stored, checked or counted.

python bench/peers/raw_sockets.py picows|aiohttp PORT
"""

import asyncio
import sys
from typing import Any

import uvloop
from aiohttp import WSMsgType, web
from picows import WSFrame, WSListener, WSTransport, ws_create_server
from picows import WSMsgType as PicowsType


class Raw(WSListener):
    hearing: set[WSTransport] = set()  # noqa: RUF012 - one for all

    def __init__(self, path: bytes) -> None:
        self._hears = path == b"/hear"

    def on_ws_connected(self, transport: WSTransport) -> None:
        if self._hears:
            self.hearing.add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.hearing.discard(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != PicowsType.TEXT:
            return
        payload = frame.get_payload_as_bytes()
        transport.send(PicowsType.TEXT, payload.partition(b" ")[0])
        for one in self.hearing:
            one.send(PicowsType.TEXT, payload)


async def with_picows(port: int) -> None:
    server = await ws_create_server(lambda asked: Raw(asked.path), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


async def with_aiohttp(port: int) -> None:
    hearing: set[web.WebSocketResponse] = set()

    async def hear(request: web.Request) -> Any:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        hearing.add(socket)
        async for _ in socket:
            pass
        hearing.discard(socket)
        return socket

    async def send(request: web.Request) -> Any:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await socket.send_str(message.data.partition(" ")[0])
                for one in hearing:
                    await one.send_str(message.data)
        return socket

    app = web.Application()
    app.add_routes([web.get("/hear", hear), web.get("/send", send)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run({"picows": with_picows, "aiohttp": with_aiohttp}[sys.argv[1]](int(sys.argv[2])))
