"""One WebSocket: bytes in, frames out. It knows nothing of hubs, groups or events.

The `websockets` library speaks the protocol (handshake, framing, closing) without doing I/O; outgoing data frames
bypass it, because they are encoded once for all receivers.
"""

import asyncio
import time
from contextlib import suppress
from http.client import responses
from typing import Final, Protocol, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol

from devhost.webpubsub.config import Limits
from devhost.webpubsub.fanout import Fanout
from devhost.webpubsub.frames import NORMAL, PING, Entry, close_reason

HIGH_WATER: Final = 256 * 1024
"""Bytes that a transport may hold before its socket counts as slow."""


class Owner(Protocol):
    """Who a socket works for."""

    def opened(self, socket: "ClientSocket", request: Request) -> None:
        """The handshake's request is here; answer with `accept` or `reject`."""
        ...

    def received(self, socket: "ClientSocket", data: bytes, *, is_text: bool) -> None:
        """One whole message."""
        ...

    def overflowed(self, socket: "ClientSocket") -> None:
        """The reader is too slow."""
        ...

    def lost(self, socket: "ClientSocket", *, clean: bool, reason: str) -> None:
        """No more will be received. *clean*: the client said goodbye. Called once."""
        ...


class ClientSocket(asyncio.Protocol):
    __slots__ = (
        "_assembling",
        "_closer",
        "_ended",
        "_fanout",
        "_is_text",
        "_limits",
        "_live",
        "_loop",
        "_lost",
        "_paused",
        "_pending",
        "_pending_bytes",
        "_queued",
        "_transport",
        "_ws",
        "closing",
        "heard_at",
        "owner",
    )

    def __init__(self, owner: Owner, fanout: Fanout, live: "set[ClientSocket]", limits: Limits) -> None:
        self.owner = owner
        self._live = live
        self._fanout = fanout
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._ws = ServerProtocol(max_size=limits.message_bytes)
        self._transport: asyncio.Transport | None = None
        self._pending: list[Entry] = []
        self._pending_bytes = 0
        self._queued = False
        self._paused = False
        self._assembling: list[bytes] = []
        self._is_text = True
        self._lost = False
        self._ended = False
        """Our side of the connection is shut: a write would fail, and take down whoever wrote for others, too."""
        self._closer: asyncio.TimerHandle | None = None
        self.closing = False
        """A Close frame was sent or received, or the handshake was refused: nothing more goes out."""
        self.heard_at = self._loop.time()

    @property
    def queued(self) -> int:
        """Frames that wait for a slow reader."""
        return len(self._pending)

    # -- transport ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        made = cast("asyncio.Transport", transport)  # uvloop's is one without deriving from it
        made.set_write_buffer_limits(high=HIGH_WATER)
        self._transport = made
        self._live.add(self)
        self._end_after(self._limits.handshake_wait)

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._loop.time()
        self._ws.receive_data(data)
        self._step()

    def eof_received(self) -> bool:
        self._ws.receive_eof()
        self._step()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        self._live.discard(self)
        self._pending.clear()
        self.closing = True
        if self._closer is not None:
            self._closer.cancel()
        self._report_lost(clean=False, reason="The connection was lost.")

    def pause_writing(self) -> None:
        self._paused = True
        self._pending_bytes = sum(len(data) for data, _ in self._pending)

    def resume_writing(self) -> None:
        self._paused = False
        now = time.monotonic()
        fresh = [entry for entry in self._pending if entry[1] > now]
        self._fanout.expired += len(self._pending) - len(fresh)
        self._pending = fresh
        if fresh and not self._queued:
            self._queued = True
            self._fanout.add(self)

    # -- in -------------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        """Act on what the protocol made of the bytes."""
        for event in self._ws.events_received():
            if isinstance(event, Request):
                self.owner.opened(self, event)
            elif isinstance(event, Frame):
                self._take(event)
        self._write_protocol()
        if self.closing:
            return
        if self._ws.state is State.CONNECTING:
            if self._ended:  # what came was no handshake, or went on before it was answered
                self.closing = True
                self._end_after(self._limits.close_wait)
        elif self._ws.close_expected():
            self._begin_closing()

    def _take(self, event: Frame) -> None:
        if event.opcode in (Opcode.TEXT, Opcode.BINARY):
            if event.fin:
                self._deliver(bytes(event.data), is_text=event.opcode is Opcode.TEXT)
            else:
                self._is_text = event.opcode is Opcode.TEXT
                self._assembling = [bytes(event.data)]
        elif event.opcode is Opcode.CONT:
            self._assembling.append(bytes(event.data))
            if event.fin:
                data = b"".join(self._assembling)
                self._assembling = []
                self._deliver(data, is_text=self._is_text)

    def _deliver(self, data: bytes, *, is_text: bool) -> None:
        if not self.closing:
            self.owner.received(self, data, is_text=is_text)

    def _report_lost(self, *, clean: bool, reason: str) -> None:
        if not self._lost:
            self._lost = True
            self.owner.lost(self, clean=clean, reason=reason)

    def pause_reading(self) -> None:
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_reading():
            self._transport.resume_reading()

    # -- handshake ------------------------------------------------------------------------------------------------

    def accept(self, request: Request, subprotocol: str | None) -> bool:
        """Upgrade; False where the client left, or its request is not a WebSocket's (it has its answer then)."""
        if self._transport is None or self.closing:
            return False
        response = self._ws.accept(request)
        if response.status_code != 101:  # noqa: PLR2004 - Switching Protocols
            self.reject(400, "Not a WebSocket request.")
            return False
        if subprotocol is not None:
            response.headers["Sec-WebSocket-Protocol"] = subprotocol
        self._ws.send_response(response)
        self._write_protocol()
        if self._closer is not None:
            self._closer.cancel()
        return True

    def reject(self, status: int, text: str = "") -> None:
        """Answer the handshake with an HTTP error, and close."""
        if self._transport is None or self.closing:
            return
        response = self._ws.reject(400, text)
        self._ws.send_response(Response(status, responses.get(status, "Refused"), response.headers, response.body))
        self.closing = True
        self._write_protocol()
        self._end_after(self._limits.close_wait)

    # -- out ------------------------------------------------------------------------------------------------------

    def put(self, entry: Entry) -> None:
        """Queue one frame, in order. Never blocks; a reader that cannot keep up is reported to the owner, once."""
        if self.closing:
            return
        self._pending.append(entry)
        if self._paused:
            self._pending_bytes += len(entry[0])
            limits = self._limits
            if len(self._pending) > limits.queue_messages or self._pending_bytes > limits.queue_bytes:
                self.owner.overflowed(self)
        elif not self._queued:
            self._queued = True
            self._fanout.add(self)

    def ping(self, silent_since: float) -> None:
        """Ask the client for a sign of life; cut it off if its last one is older than *silent_since* (loop time)."""
        if self._transport is None or self._ws.state is not State.OPEN:
            return
        if self._transport.is_reading() and self.heard_at < silent_since:
            self.abort()
        else:
            self.put(PING)

    def write_queued(self) -> None:
        self._queued = False
        if not self._paused:
            self._write_pending()

    def _write_pending(self) -> None:
        pending = self._pending
        if not pending or self._transport is None or self._ended:
            return
        self._pending = []
        if len(pending) == 1:
            self._transport.write(pending[0][0])
        else:
            self._transport.write(b"".join([data for data, _ in pending]))

    def _write_protocol(self) -> None:
        """Write what the protocol itself has to say: handshake, pongs, the closing handshake."""
        for data in self._ws.data_to_send():
            if self._transport is None or self._ended:
                return
            if data == SEND_EOF:
                self._ended = True
                if self._transport.can_write_eof():
                    with suppress(OSError):  # the client is gone already
                        self._transport.write_eof()
                else:
                    self._transport.close()
            else:
                self._transport.write(data)
        # Pings are answered by the protocol, past the queue: somebody may ask and ask without listening.
        held = self._transport.get_write_buffer_size() if self._paused and self._transport is not None else 0
        if held > self._limits.queue_bytes:
            self.abort()

    # -- end ------------------------------------------------------------------------------------------------------

    def close(self, code: int, reason: str = "") -> None:
        """Write what is queued, then a Close frame; the client's answer is awaited for a while."""
        if self.closing or self._transport is None:
            return
        self._write_pending()
        if self._ws.state is State.OPEN:
            self._ws.send_close(code, close_reason(reason))
            self._write_protocol()
            self.closing = True
            self._end_after(self._limits.close_wait)
        else:
            self.abort()

    def drop_queue(self) -> None:
        """Forget what is queued: its reader is given up."""
        self._pending.clear()

    def abort(self) -> None:
        """Cut the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    def _begin_closing(self) -> None:
        """The client closed, or broke the protocol and was told so."""
        self.closing = True
        self._pending.clear()
        self._end_after(self._limits.close_wait)
        received = self._ws.close_rcvd
        clean = received is not None and received.code == NORMAL
        if received is not None:
            reason = received.reason or f"The client closed with {received.code}."
        else:
            sent = self._ws.close_sent
            reason = sent.reason if sent is not None and sent.reason else "The client broke the WebSocket protocol."
            clean = sent is not None
        self._report_lost(clean=clean, reason=reason)

    def _end_after(self, seconds: float) -> None:
        if self._closer is not None:
            self._closer.cancel()
        self._closer = self._loop.call_later(seconds, self.abort)
