"""The way to the realtime service, and what the service tells us about its connections."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import azure.functions as func
import msgspec

from blueprints.access import PARTICIPANTS, REALTIME_SERVICE
from blueprints.chat_shapes import Id, MessageOut, ReadIn, SendIn, TypingIn, draft_of, sent_view
from blueprints.chat_signals import receipt_out
from domain.chat.connections import ConnectionRefused
from domain.chat.views import SESSION_GROUP
from domain.kernel.clock import to_iso
from domain.kernel.errors import Forbidden, NotFound
from domain.kernel.ids import is_uuid7
from runtime import parts
from web.bodies import Out
from web.call import Call
from web.cloudevents import CloudEvent, allowed_origin, check_signature, read_event
from web.declaration import Limit
from web.endpoint import endpoint
from web.reply import Reply
from web.validation import body_reader

bp = func.Blueprint()

SUBPROTOCOL: Final = "json.reliable.webpubsub.azure.v1"


class NegotiateOut(Out):
    url: str
    hub: str
    user_id: str
    expires_at: str
    subprotocol: str


class MessageEventIn(SendIn, kw_only=True):
    """The data of the user event `message`: the REST body, and where it goes."""

    conversation_id: Id


class ReadEventIn(ReadIn, kw_only=True):
    conversation_id: Id


class TypingEventIn(TypingIn, kw_only=True):
    conversation_id: Id


class ConnectBody(msgspec.Struct):
    """What the service tells of a client that wants in. It tells more than we need."""

    claims: dict[str, list[str]] = {}


@endpoint(bp, "POST", "v1/chat/negotiate", access=PARTICIPANTS, gives=NegotiateOut)
async def negotiate(call: Call) -> Reply:
    """Get a URL to connect with.

    It is good for 60 minutes, for the caller and this sign-in only. Microsoft's clients take it as it is.
    """
    client = await parts.get().chat.connections.negotiate(call.user_id, call.caller.session_id)
    return Reply(
        200,
        NegotiateOut(
            client.url, parts.get().settings.realtime.hub, call.user_id, to_iso(client.expires_at), SUBPROTOCOL
        ),
    )


@endpoint(bp, "OPTIONS", "v1/chat/events", access=REALTIME_SERVICE, limit=Limit.NONE, media_types=("*/*",))
async def allow_chat_events(call: Call) -> Reply:
    """Prove to the realtime service that its events are welcome (CloudEvents webhook, abuse protection)."""
    host = allowed_origin(call.headers, parts.get().settings.realtime.hosts)
    if host is None:
        raise Forbidden
    return Reply(200, headers={"WebHook-Allowed-Origin": host})


@endpoint(
    bp,
    "POST",
    "v1/chat/events",
    access=REALTIME_SERVICE,
    limit=Limit.NONE,
    media_types=("*/*",),
    max_body_bytes=1024 * 1024,
    gives=MessageOut,
)
async def receive_chat_event(call: Call) -> Reply:
    """Take an event of the realtime service.

    `connect` answers the groups to join; the user event `message` does what its REST twin does, and answers with the
    message. An event that is delivered again changes nothing.
    """
    event = read_event(call.headers)
    settings = parts.get().settings.realtime
    tokens = parts.get().event_tokens
    if tokens is None:
        check_signature(event, settings.access_keys)
    else:
        await tokens.check(call.headers.get("authorization"))
    if event.hub != settings.hub.lower():
        raise Forbidden
    return await EVENTS.get(event.kind, _unknown)(call, event)


async def _connect(call: Call, event: CloudEvent) -> Reply:
    claims = _READ_CONNECT(call.raw_body).claims
    groups = await parts.get().chat.connections.connect(event.connection_id, _person(event), _session(claims))
    return Reply(200, {"groups": groups, "roles": []})


async def _connected(_call: Call, event: CloudEvent) -> Reply:
    person = await _bound_person(event)
    await parts.get().chat.connections.connected(person)
    await parts.get().social.presence.connected(person, event.connection_id)
    return Reply(204)


async def _disconnected(_call: Call, event: CloudEvent) -> Reply:
    bindings, person = parts.get().chat.bindings, _person(event)
    if await bindings.is_of(event.connection_id, person):
        await parts.get().social.presence.disconnected(person, event.connection_id)
        await bindings.release(event.connection_id)
    return Reply(204)


async def _message(call: Call, event: CloudEvent) -> Reply:
    body = _READ_MESSAGE(call.raw_body)
    sender = await _bound_person(event)
    parts.get().social.presence.heard(sender, event.connection_id)
    # Without an id of the client's own, the event's serves: a retry of the same event is the same message.
    client_message_id = body.client_message_id or f"{event.connection_id}:{event.id}"
    draft = draft_of(sender, body, client_message_id)
    return Reply(200, await sent_view(await parts.get().chat.sending.send(body.conversation_id, draft)))


async def _read(call: Call, event: CloudEvent) -> Reply:
    body = _READ_RECEIPT(call.raw_body)
    reader = await _bound_person(event)
    parts.get().social.presence.heard(reader, event.connection_id)
    return Reply(200, receipt_out(await parts.get().chat.receipts.read(reader, body.conversation_id, body.seq)))


async def _typing(call: Call, event: CloudEvent) -> Reply:
    body = _READ_TYPING(call.raw_body)
    await parts.get().chat.typing.tell(await _bound_person(event), body.conversation_id, typing=body.state == "start")
    return Reply(204)


async def _unknown(_call: Call, _event: CloudEvent) -> Reply:
    raise NotFound


def _person(event: CloudEvent) -> str:
    if event.user_id is None or not is_uuid7(event.user_id):
        raise ConnectionRefused
    return event.user_id


async def _bound_person(event: CloudEvent) -> str:
    """Whom the connection was bound to when it was let in, if the event names nobody else and the session stands."""
    return (await parts.get().chat.bindings.check(event.connection_id, _person(event))).user_id


def _session(claims: dict[str, list[str]]) -> str:
    for group in claims.get("webpubsub.group", []):
        if group.startswith(SESSION_GROUP):
            return group.removeprefix(SESSION_GROUP)
    raise ConnectionRefused


_READ_CONNECT: Final[Callable[[bytes], Any]] = body_reader(ConnectBody)
_READ_MESSAGE: Final[Callable[[bytes], Any]] = body_reader(MessageEventIn)
_READ_RECEIPT: Final[Callable[[bytes], Any]] = body_reader(ReadEventIn)
_READ_TYPING: Final[Callable[[bytes], Any]] = body_reader(TypingEventIn)

EVENTS: Final[dict[str, Callable[[Call, CloudEvent], Awaitable[Reply]]]] = {
    "sys.connect": _connect,
    "sys.connected": _connected,
    "sys.disconnected": _disconnected,
    "user.message": _message,
    "user.read": _read,
    "user.typing": _typing,
}
