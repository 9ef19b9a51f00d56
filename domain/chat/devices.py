"""The devices a person is pushed to: one item a person, and for each endpoint an item that says whose it is.

Browsers keep their subscription when people change at the keyboard. So an endpoint belongs to whoever registered it
last, which the endpoint's own item decides; a device whose endpoint went to another is dead, whatever its list says.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from domain.chat.errors import ConversationBusy
from domain.chat.ports import PushService
from domain.chat.push import MAX_DEVICES, Device, PushHosts, Target, clean_target
from domain.kernel.clock import Clock
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Item, ItemExists, ItemNotFound, ItemStale, Stored
from domain.kernel.errors import Conflict, Invalid, NotFound
from domain.kernel.keys import digest

DEVICES: Final = "devices"
ENDPOINT: Final = "push"
KEPT: Final = timedelta(days=31)
"""Longer than any session, and so than any device of one."""

RACES: Final = 8
LOST_RACE: Final = (ItemStale, ItemExists, ItemNotFound)


class PushNotSetUp(NotFound):
    message = "Push notifications are not set up here."


class EndpointTaken(Conflict):
    """With other keys: whoever sends this has seen the URL, and is not the browser it belongs to."""

    message = "This subscription belongs to somebody else. Subscribe anew."


class Devices:
    def __init__(
        self, documents: DocumentStore, clock: Clock, hosts: PushHosts, service: Callable[[], PushService | None]
    ) -> None:
        """*service* gives None where push is not set up."""
        self._documents = documents
        self._clock = clock
        self._hosts = hosts
        self._service = service

    def public_key(self) -> str:
        """Raises PushNotSetUp."""
        return self._get_service().public_key()

    async def register(
        self, user_id: str, session_id: str, *, endpoint: str, p256dh: str, auth: str, new_id: str
    ) -> tuple[Device, bool]:
        """Push to this browser while the sign-in stands; and whether it is new. Safe to repeat: an endpoint the person
        registered before keeps its id.

        One `find_many` and two conditional writes. Raises PushNotSetUp, Invalid, EndpointTaken, ConversationBusy.
        """
        service = self._get_service()
        target = clean_target(endpoint, p256dh, auth, self._hosts)
        if not service.can_encrypt_for(target):
            raise Invalid.field("keys.p256dh", "format", "Is not a point of P-256.")
        for _ in range(RACES):
            listed, owned = await self._documents.find_many(CHAT, [(user_id, DEVICES), endpoint_key(target)])
            devices = devices_of(listed)
            known = next((each for each in devices if each.target.endpoint == endpoint), None)
            device = Device(known.id if known else new_id, target, session_id, self._clock.now())
            if owned and owned.item["userId"] != user_id and owned.item["keys"] != _keys_digest(target):
                raise EndpointTaken
            kept = _with(devices, device)
            try:
                await self._write(endpoint_item(device, user_id), owned)
                await self._write(_list_item(user_id, kept), listed)
            except LOST_RACE:
                continue
            for oldest in devices:
                if oldest.id not in {each.id for each in kept}:
                    await self._release(user_id, oldest)
            return device, known is None
        raise ConversationBusy(retry_after=1)

    async def list(self, user_id: str) -> Sequence[Device]:
        """The latest first."""
        devices = devices_of(await self._documents.find(CHAT, user_id, DEVICES))
        return sorted(devices, key=lambda device: device.id, reverse=True)

    async def remove(self, user_id: str, device_id: str) -> None:
        """Raises NotFound, ConversationBusy."""
        if not await self._drop(user_id, lambda device: device.id == device_id):
            raise NotFound

    async def forget(self, user_id: str, device_id: str) -> None:
        """The same for a device that may be gone already."""
        await self._drop(user_id, lambda device: device.id == device_id)

    async def forget_sessions(self, user_id: str, session_ids: Sequence[str]) -> None:
        """Those sign-ins are over. Safe to repeat. One point read, and two writes where there was a device."""
        ended = frozenset(session_ids)
        await self._drop(user_id, lambda device: device.session_id in ended)

    async def _drop(self, user_id: str, is_meant: Callable[[Device], bool]) -> bool:
        for _ in range(RACES):
            listed = await self._documents.find(CHAT, user_id, DEVICES)
            devices = devices_of(listed)
            gone = [device for device in devices if is_meant(device)]
            if not gone:
                return False
            try:
                await self._write(_list_item(user_id, [each for each in devices if each not in gone]), listed)
            except LOST_RACE:
                continue
            for device in gone:
                await self._release(user_id, device)
            return True
        raise ConversationBusy(retry_after=1)

    async def _release(self, user_id: str, device: Device) -> None:
        """Let go of the endpoint, unless it is somebody else's by now."""
        pk, item_id = endpoint_key(device.target)
        owned = await self._documents.find(CHAT, pk, item_id)
        if owned is None or not is_owner(owned, user_id, device.id):
            return
        try:
            await self._documents.delete(CHAT, pk, item_id, if_match=owned.etag)
        except LOST_RACE:
            return

    async def _write(self, item: Item, stored: Stored | None) -> None:
        if stored is None:
            await self._documents.create(CHAT, item)
        else:
            await self._documents.replace(CHAT, item, if_match=stored.etag)

    def _get_service(self) -> PushService:
        service = self._service()
        if service is None:
            raise PushNotSetUp
        return service


def devices_of(stored: Stored | None) -> list[Device]:
    if stored is None:
        return []
    return [Device.from_item(device_id, item) for device_id, item in stored.item["devices"].items()]


def endpoint_key(target: Target) -> tuple[str, str]:
    """(pk, id) of the item that says whose an endpoint is."""
    return f"push:{target.digest}", ENDPOINT


def endpoint_item(device: Device, user_id: str) -> Item:
    pk, item_id = endpoint_key(device.target)
    return {
        "id": item_id,
        "pk": pk,
        "type": "push",
        "userId": user_id,
        "deviceId": device.id,
        "keys": _keys_digest(device.target),
        "ttl": int(KEPT.total_seconds()),
    }


def is_owner(stored: Stored, user_id: str, device_id: str) -> bool:
    return bool(stored.item["userId"] == user_id and stored.item["deviceId"] == device_id)


def _with(devices: Sequence[Device], device: Device) -> list[Device]:
    others = sorted((each for each in devices if each.id != device.id), key=lambda each: each.created_at)
    return [*others[-(MAX_DEVICES - 1) :], device]


def _list_item(user_id: str, devices: Sequence[Device]) -> Item:
    return {
        "id": DEVICES,
        "pk": user_id,
        "type": DEVICES,
        "devices": {device.id: device.to_item() for device in devices},
        "ttl": int(KEPT.total_seconds()),
    }


def _keys_digest(target: Target) -> str:
    return digest(f"{target.p256dh}:{target.auth}".encode())
