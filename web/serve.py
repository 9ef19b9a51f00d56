"""The walk of one request through the edge; `docs/flows/request.md` tells it step by step."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import azure.functions as func

from domain.kernel.errors import DomainError, InvalidToken, TokenRevoked, Unavailable
from web import edge as web_edge
from web.admission import admit, uncounted
from web.call import Call
from web.cookies import cleared_cookies
from web.correlation import begin, without_words
from web.declaration import Endpoint
from web.edge import Edge
from web.errors import PayloadTooLarge, UnsupportedMediaType
from web.idempotency import answer_once, check_key
from web.incoming import Incoming, client_address, read_cookies
from web.render import error_reply, fault_reply, respond
from web.reply import Reply
from web.validation import body_reader, query_reader

logger = logging.getLogger("web")


@dataclass(frozen=True, slots=True)
class Prepared:
    """An endpoint with all that can be worked out before the first request."""

    endpoint: Endpoint
    read_body: Callable[[bytes], Any] | None
    read_query: Callable[[Mapping[str, str]], Any] | None

    @classmethod
    def of(cls, endpoint: Endpoint) -> "Prepared":
        return cls(
            endpoint,
            None if endpoint.takes is None else body_reader(endpoint.takes),
            None if endpoint.query is None else query_reader(endpoint.query),
        )


async def serve(prepared: Prepared, req: func.HttpRequest) -> func.HttpResponse:
    """Answer *req*, whatever happens."""
    incoming = Incoming.of(req)
    begin(incoming.request_id, incoming.trace_id)
    edge: Edge | None = None
    try:
        edge = web_edge.get()
        return respond(await _reply(prepared, req, incoming, edge), incoming, edge, prepared.endpoint)
    except DomainError as error:
        reply = error_reply(error, incoming.request_id)
        if prepared.endpoint.refusal_ends_session and isinstance(error, InvalidToken | TokenRevoked):
            reply = replace(reply, cookies=cleared_cookies())
        _log_refusal(error, prepared, incoming)
    except Exception as error:
        # Whatever nobody foresaw is logged here, once, with its id; the client learns no more than that id.
        logger.exception("%s failed%s", prepared.endpoint.name, _ids(incoming), exc_info=without_words(error))
        # Without an edge nothing is wrong with the request, but with this instance: its settings, most likely.
        reply = fault_reply(incoming.request_id) if edge else error_reply(Unavailable(), incoming.request_id)
    if incoming.allowance is None and edge is not None:  # it failed before it was counted
        incoming.allowance = uncounted(edge)
    return respond(reply, incoming, edge, prepared.endpoint)


async def _reply(prepared: Prepared, req: func.HttpRequest, incoming: Incoming, edge: Edge) -> Reply:
    endpoint = prepared.endpoint
    headers = incoming.headers
    cookies = read_cookies(headers.get("cookie"))
    address = client_address(headers.get("x-forwarded-for"), edge.policy.trusted_proxy_depth)
    identity = await admit(incoming, endpoint, edge, cookies, address)
    raw = _read_raw(req, endpoint, headers)
    call = Call(
        endpoint=endpoint,
        method=incoming.method,
        url=incoming.url,
        headers=headers,
        route_params=req.route_params,
        raw_body=raw,
        request_id=incoming.request_id,
        client_address=address,
        identity=identity,
        cookies=cookies,
        idempotency_key=headers.get("idempotency-key"),
        _body=None if prepared.read_body is None else prepared.read_body(raw),
        _query=None if prepared.read_query is None else prepared.read_query(req.params),
        edge=edge,
        incoming=incoming,
    )
    if call.idempotency_key is not None:
        if endpoint.idempotent:
            return await answer_once(call, endpoint.handler, call.idempotency_key)
        if endpoint.replays_itself:
            check_key(call.idempotency_key)
    return await endpoint.handler(call)


def _read_raw(req: func.HttpRequest, endpoint: Endpoint, headers: Mapping[str, str]) -> bytes:
    """The body. Raises PayloadTooLarge, UnsupportedMediaType."""
    raw: bytes = req.get_body() or b""
    declared = headers.get("content-length", "0")
    if len(raw) > endpoint.max_body_bytes or (declared.isdecimal() and int(declared[:20]) > endpoint.max_body_bytes):
        raise PayloadTooLarge
    if raw and endpoint.takes is not None and "*/*" not in endpoint.media_types:
        media_type, _, parameters = headers.get("content-type", "").partition(";")
        if media_type.strip().lower() not in endpoint.media_types or not _is_utf8(parameters):
            raise UnsupportedMediaType
    return raw


def _is_utf8(parameters: str) -> bool:
    """Whether a media type's parameters name no other charset than UTF-8."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower() in {"utf-8", "utf8"}
    return True


def _log_refusal(error: DomainError, prepared: Prepared, incoming: Incoming) -> None:
    if isinstance(error, Unavailable):
        cause = error.__cause__
        logger.warning("%s unavailable: %s%s", prepared.endpoint.name, type(cause or error).__name__, _ids(incoming))
    else:
        logger.info("%s refused: %s%s", prepared.endpoint.name, error.code, _ids(incoming))


def _ids(incoming: Incoming) -> str:
    trace = f" trace={incoming.trace_id}" if incoming.trace_id else ""
    return f" request={incoming.request_id}{trace}"
