"""What must hold when all is quiet."""

from typing import Any

from domain.chat.model import partition_of
from domain.chat.records import HEAD, MEMBER
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore, Query
from tests.model.app import App
from tests.model.device import Device
from tests.model.story import Story


async def stored_messages(documents: DocumentStore, room: str) -> list[dict[str, Any]]:
    """Straight from the store, all of them, in the order of `seq`."""
    found: list[dict[str, Any]] = []
    while True:
        page = await documents.query(
            CHAT, partition_of(room), Query(order="seq", above=found[-1]["seq"] if found else 0, limit=200)
        )
        found += [stored.item for stored in page]
        if len(page) < 200:
            return found


async def check_the_store(documents: DocumentStore, story: Story) -> dict[str, set[str]]:
    """Everything that was answered is there, once. Returns who is in each conversation."""
    people: dict[str, set[str]] = {}
    for room in story.rooms:
        items = await stored_messages(documents, room)
        told = [{"deletedAt": item.get("deletedAt"), "reactions": item.get("reactions", {}), **item} for item in items]
        story.ledger.check_store(room, told)
        head = await documents.find(CHAT, partition_of(room), HEAD)
        assert head is not None
        assert head.item["lastSeq"] == len(items)
        assert "publishDueAt" not in head.item, "published, and acknowledged"
        places = await documents.query(CHAT, partition_of(room), Query(starts=MEMBER, limit=1000))
        here = [stored.item for stored in places if stored.item.get("leftAt") is None]
        people[room] = {place["userId"] for place in here}
        assert head.item["memberCount"] == len(here)
        assert not here or head.item["between"] or any(place["role"] == "admin" for place in here)
        for place in here:
            assert place["lastReadSeq"] <= len(items)
            assert place["lastReadSeq"] >= story.ledger.read.get((room, place["userId"]), 0), "it moved back"
    return people


async def the_truth(app: App, who: str) -> dict[str, tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each conversation of *who*, with all its messages, as the API gives them to who asks anew."""
    truth = {}
    for row in await app.rooms(who):
        view = await app.room(who, row["id"])
        assert view["unreadCount"] == row["unreadCount"]
        messages: list[dict[str, Any]] = []
        more = True
        while more:
            page, more = await app.messages(who, row["id"], messages[-1]["seq"] if messages else 0, 100)
            messages += page
        truth[row["id"]] = (view, messages)
    return truth


async def check_device(device: Device, app: App) -> None:
    """It shows what the API gives."""
    truth = await the_truth(app, device.me)
    assert set(device.replica.rooms) == set(truth), device.name
    for room_id, (view, messages) in truth.items():
        room = device.replica.rooms[room_id]
        assert differences(room.shown(), messages) == [], device.name
        assert (room.name, room.count) == (view["name"], view["participantCount"])
        assert room.unread(device.me) == view["unreadCount"], device.name


async def check_heard_only(device: Device, app: App) -> None:
    """The same for who only listened, but for receipts: `read.updated` may be lost with the process that had it."""
    truth = await the_truth(app, device.me)
    assert set(device.replica.rooms) == set(truth), device.name
    for room_id, (view, messages) in truth.items():
        room = device.replica.rooms[room_id]
        shown, stored = ([without_readers(each) for each in many] for many in (room.shown(), messages))
        assert differences(shown, stored) == [], device.name
        assert (room.name, room.count) == (view["name"], view["participantCount"])


def without_readers(message: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key != "readBy"}


def differences(shown: list[dict[str, Any]], stored: list[dict[str, Any]]) -> list[str]:
    """One line for each message that is not the same, or is only here or there."""
    here, there = ({message["seq"]: message for message in messages} for messages in (shown, stored))
    lines = []
    for seq in sorted({*here, *there}):
        one, other = here.get(seq, {}), there.get(seq, {})
        what = {key: (one.get(key), other.get(key)) for key in {*one, *other} if one.get(key) != other.get(key)}
        if what:
            lines.append(f"{seq}: {what}")
    return lines
