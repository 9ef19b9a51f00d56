"""`Idempotency-Key`: a request that is sent twice is carried out once.

The key belongs to the signed-in caller, or for strangers to the endpoint. Before the handler runs, an item is created
for it, so that of two twins one finds it taken (the store decides). When the handler succeeds, its answer goes into
the item and is given again for 24 hours. A refusal changed nothing and frees the key. After a fault nobody knows what
was done: the item stays, and with it `call.new_id`, so that the next try writes the same ids and meets what is there.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from domain.kernel.clock import from_iso, to_iso
from domain.kernel.containers import IDEMPOTENCY
from domain.kernel.documents import DocumentStore, Item, ItemExists, ItemNotFound, ItemStale, ItemTooLarge, Stored
from domain.kernel.errors import Conflict, DomainError, Invalid, Kind, Unavailable
from web.bodies import encode
from web.call import Call
from web.render import body_bytes
from web.reply import Reply

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
MAX_KEY: Final = 255
KEPT: Final = timedelta(hours=24)
TAKEN_OVER_AFTER: Final = timedelta(seconds=60)
"""Longer than any handler takes; after that its process is taken for dead."""
WAITS: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0)
"""Seconds between looks at a twin's answer, before the caller is told to come back."""
_ITEM_ID: Final = "answer"
_RUNNING: Final = "running"
_DONE: Final = "done"

logger = logging.getLogger("web")
Handler = Callable[[Call], Awaitable[Reply]]


def check_key(key: str) -> str:
    """Raises Invalid for a key that is empty, longer than 255 characters, or not visible ASCII."""
    if 1 <= len(key) <= MAX_KEY and key.isascii() and key.isprintable():
        return key
    raise Invalid.field(HEADER, "format", f"Must be 1 to {MAX_KEY} visible ASCII characters.")


async def answer_once(call: Call, handler: Handler, key: str) -> Reply:
    """The handler's answer to this request, or the one it gave before.

    Raises Conflict when the key came with another request, or when its twin still runs, and what the handler raises.
    """
    claim = _Claim(call, check_key(key))
    first = await claim.take()
    if first is not None:
        return _replay(first)
    try:
        reply = await handler(call)
    except DomainError as error:
        await claim.release(keep_id=error.kind is Kind.UNAVAILABLE)
        raise
    except BaseException:
        await claim.release(keep_id=True)
        raise
    await claim.keep(reply)
    return reply


class _Claim:
    """This request's hold on its key."""

    def __init__(self, call: Call, key: str) -> None:
        self._call = call
        self._documents: DocumentStore = call.edge.documents()
        caller = call.identity.user_id if call.identity else ""
        self._pk = "key:" + sha256(encode([caller, call.endpoint.name, key])).hexdigest()
        self._fingerprint = _fingerprint(call)
        self._held: Stored | None = None

    async def take(self) -> Item | None:
        """The finished item of an earlier request; None when this one is to do the work, and holds the key."""
        for wait in (*WAITS, None):
            now = self._call.edge.clock.now()
            found = await self._create_or_find(now)
            if found is None:
                return None
            if found.item["fingerprint"] != self._fingerprint:
                raise Conflict("This Idempotency-Key was used with another request.")
            if found.item["state"] == _DONE:
                return found.item
            if now - from_iso(found.item["startedAt"]) >= TAKEN_OVER_AFTER and await self._take_over(found, now):
                return None
            if wait is not None:
                await asyncio.sleep(wait)
        raise Conflict("The first request with this Idempotency-Key is still running.", retry_after=1)

    async def _create_or_find(self, now: datetime) -> Stored | None:
        """None when the key was free and is ours now."""
        item = {
            "pk": self._pk,
            "id": _ITEM_ID,
            "type": "answer",
            "state": _RUNNING,
            "fingerprint": self._fingerprint,
            "startedAt": to_iso(now),
            "newId": self._call.new_id,
            "ttl": int(KEPT.total_seconds()),
        }
        while True:
            try:
                self._held = await self._documents.create(IDEMPOTENCY, item)
            except ItemExists:
                found = await self._documents.find(IDEMPOTENCY, self._pk, _ITEM_ID)
                if found is not None:
                    return found
            else:
                return None

    async def _take_over(self, found: Stored, now: datetime) -> bool:
        """Whether the key of a request that died is ours now; another twin may have been quicker."""
        try:
            item = {**found.item, "startedAt": to_iso(now)}
            self._held = await self._documents.replace(IDEMPOTENCY, item, if_match=found.etag)
        except (ItemStale, ItemNotFound):
            return False
        self._call.use_new_id(found.item["newId"])
        return True

    async def keep(self, reply: Reply) -> None:
        """Keep a success, else free the key. The answer stands, whatever becomes of this."""
        if not 200 <= reply.status < 300:  # noqa: PLR2004
            await self.release(keep_id=False)
            return
        if reply.cookies:
            msg = f"{self._call.endpoint.name} answers with cookies: its answers must not be kept"
            raise RuntimeError(msg)
        held = self._held
        if held is None:  # pragma: no cover - take() came first
            return
        answer: dict[str, Any] = {
            "state": _DONE,
            "status": reply.status,
            "headers": dict(reply.headers),
            "mediaType": reply.media_type,
            "body": body_bytes(reply.body).decode(),
        }
        try:
            await self._documents.replace(IDEMPOTENCY, {**held.item, **answer}, if_match=held.etag)
        except (ItemStale, ItemNotFound, ItemTooLarge, Unavailable) as error:
            logger.warning("%s: its answer was not kept: %s", self._call.endpoint.name, type(error).__name__)

    async def release(self, *, keep_id: bool) -> None:
        """Let the next request with this key do the work. What the store refuses now, `TAKEN_OVER_AFTER` repairs."""
        held = self._held
        if held is None:  # pragma: no cover - take() came first
            return
        with suppress(ItemStale, ItemNotFound, Unavailable):
            if keep_id:
                long_ago = from_iso(held.item["startedAt"]) - TAKEN_OVER_AFTER
                freed = {**held.item, "startedAt": to_iso(long_ago)}
                await self._documents.replace(IDEMPOTENCY, freed, if_match=held.etag)
            else:
                await self._documents.delete(IDEMPOTENCY, self._pk, _ITEM_ID, if_match=held.etag)


def _replay(item: Item) -> Reply:
    headers = {**item["headers"], REPLAYED: "true"}
    return Reply(item["status"], item["body"].encode(), headers, media_type=item["mediaType"])


def _fingerprint(call: Call) -> str:
    """What makes two requests the same: the resource and the body, as it was understood."""
    digest = sha256()
    for name, value in sorted(call.route_params.items()):
        digest.update(f"{name}={value}\0".encode())
    digest.update(call.raw_body if call.endpoint.takes is None else encode(call.body(call.endpoint.takes)))
    return digest.hexdigest()
