"""As much of SQL Server's protocol as it takes to be asked for a login and to refuse it ([MS-TDS] 2.2.6.5, 2.2.7).

    async with RefusingServer(40613).serve() as port: ...

It offers no encryption, so clients must ask with `Encrypt=no`, and that means: without a token.
"""

import asyncio
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

_REPLY: Final = 0x04
_LAST: Final = 0x01
_HEADER: Final = struct.Struct(">BBHHBB")
_NOT_SUPPORTED: Final = 0x02
_ERROR, _DONE = 0xAA, 0xFD


@dataclass
class RefusingServer:
    """Answers each login with the error *number*."""

    number: int
    asked: int = 0

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[int]:
        """The port, until the block ends."""
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        async with server:
            yield int(server.sockets[0].getsockname()[1])

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            for answer in (_prelogin(), _refusal(self.number)):
                await _read(reader)
                writer.write(_packet(answer))
                await writer.drain()
            self.asked += 1
            await reader.read()
        writer.close()


async def _read(reader: asyncio.StreamReader) -> None:
    """One message, of one packet or several."""
    last = False
    while not last:
        _, status, length, *_ = _HEADER.unpack(await reader.readexactly(_HEADER.size))
        await reader.readexactly(length - _HEADER.size)
        last = bool(status & _LAST)


def _packet(body: bytes) -> bytes:
    return _HEADER.pack(_REPLY, _LAST, _HEADER.size + len(body), 0, 1, 0) + body


def _prelogin() -> bytes:
    """VERSION and ENCRYPTION, each a token with offset and length, a terminator, then their values."""
    version, encryption = struct.pack(">IH", 0x0C000000, 0), bytes([_NOT_SUPPORTED])
    start = 2 * 5 + 1
    tokens = struct.pack(">BHH", 0, start, len(version)) + struct.pack(">BHH", 1, start + len(version), 1)
    return tokens + b"\xff" + version + encryption


def _refusal(number: int) -> bytes:
    text = f"Error {number}, as a server would explain it."
    error = struct.pack("<IBBH", number, 1, 14, len(text)) + text.encode("utf-16-le") + b"\0\0" + struct.pack("<I", 1)
    return struct.pack("<BH", _ERROR, len(error)) + error + struct.pack("<BHHQ", _DONE, 0x0002, 0, 0)
