"""An occupant of a room (XEP-0045) who sends without waiting and knows its own messages when they come back."""

import asyncio
import base64
import re
from typing import Final

from bench.receivers import Steps
from bench.speakers import Speaker
from bench.subject import text_of

_STREAM: Final = (
    b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost'"
    b" version='1.0'>"
)
_END: Final = b"</message>"
_ID: Final = re.compile(rb"<message[^>]* id='(\d+)'")


def way_in(user: str, password: str, room: str) -> Steps:
    """From a connection to a seat in the room, with the user's name for a nick: RFC 6120 §§4-7, XEP-0045 §7.2.

    The room's subject is the last thing that comes before it is live.
    """
    plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    auth = f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"
    resource = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>bench</resource></bind>"
    history = "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>"
    return [
        (_STREAM, b"</stream:features>"),
        (auth.encode(), b"<success"),
        (_STREAM, b"</stream:features>"),
        (f"<iq type='set' id='bind'>{resource}</iq>".encode(), b"</iq>"),
        (f"<presence to='{room}/{user}'>{history}</presence>".encode(), b"<subject"),
    ]


class Occupant(Speaker):
    """One that sends. A message is acknowledged when it comes back."""

    def __init__(self, steps: Steps, room: str, nick: str) -> None:
        super().__init__(steps)
        self._room = room
        self._mine = f" from='{room}/{nick}'".encode()
        self._buffer = b""
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def say(self, number: int) -> None:
        assert self.transport is not None
        body = f"<body>{text_of(number)}</body>"
        self.transport.write(f"<message to='{self._room}' type='groupchat' id='{number}'>{body}</message>".encode())

    async def leave(self) -> None:
        """Free the nick: the next window takes it again."""
        assert self.transport is not None
        self.transport.write(b"</stream:stream>")
        await self._gone

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._gone.set_result(None)

    def listen(self, data: bytes) -> None:
        *whole, self._buffer = (self._buffer + data).split(_END)
        for stanza in whole:
            if self._mine in stanza and (found := _ID.search(stanza)):
                assert b"type='error'" not in stanza, stanza
                self.acknowledged(int(found[1]))
