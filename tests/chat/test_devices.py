"""Whose a browser is: the last who registered it, as the store decides."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest

from adapters.push.webpush import WebPush
from domain.chat.devices import Devices, EndpointTaken, PushNotSetUp, devices_of, endpoint_key
from domain.chat.push import MAX_DEVICES, Device, PushHosts
from domain.kernel.containers import CHAT
from domain.kernel.errors import Invalid, NotFound
from tests.chat.lounge import Instance
from tests.push_service import SUBJECT, VAPID_KEY, Browser

HOSTS = PushHosts(("fcm.googleapis.com",))


class Desk:
    """One process's devices."""

    def __init__(self, chat: Instance) -> None:
        self.chat = chat
        self.service = WebPush(VAPID_KEY, SUBJECT, HOSTS, chat.clock)
        self.devices = Devices(chat.documents, chat.clock, HOSTS, lambda: self.service)

    async def register(self, user_id: str, browser: Browser, session_id: str = "s1") -> tuple[Device, bool]:
        return await self.devices.register(
            user_id,
            session_id,
            endpoint=browser.endpoint,
            p256dh=browser.p256dh,
            auth=browser.auth,
            new_id=self.chat.ids.new(),
        )

    async def endpoints(self, user_id: str) -> list[str]:
        return [device.target.endpoint[-2:] for device in await self.devices.list(user_id)]


def a_browser(name: str = "b1") -> Browser:
    return Browser(f"https://fcm.googleapis.com/fcm/send/{name}")


@pytest.fixture
async def desk(chat: Instance) -> AsyncGenerator[Desk]:
    desk = Desk(chat)
    yield desk
    await desk.service.close()


async def test_a_browser_that_registers_again_keeps_its_id_and_follows_the_sign_in(desk: Desk) -> None:
    ada, browser = desk.chat.ids.new(), a_browser()
    first, is_new = await desk.register(ada, browser)
    again, is_new_again = await desk.register(ada, browser, "s2")
    assert (is_new, is_new_again, again.id, again.session_id) == (True, False, first.id, "s2")
    assert await desk.endpoints(ada) == ["b1"]
    with desk.chat.documents.measure() as calls:
        await desk.register(ada, a_browser("b2"))
    assert calls.by_kind == {"find_many": 1, "create": 1, "replace": 1}


async def test_beyond_the_most_the_oldest_goes(desk: Desk) -> None:
    ada = desk.chat.ids.new()
    for n in range(MAX_DEVICES + 2):
        await desk.register(ada, a_browser(f"{n:02}"))
        desk.chat.clock.advance(seconds=1)
    assert await desk.endpoints(ada) == [f"{n:02}" for n in range(MAX_DEVICES + 1, 1, -1)]
    bob = desk.chat.ids.new()
    await desk.register(bob, a_browser("00"))  # with keys of its own: nobody holds the endpoint any more
    assert await desk.endpoints(bob) == ["00"]


async def test_many_at_once_are_all_kept(desk: Desk, more: Callable[[], Instance]) -> None:
    ada = desk.chat.ids.new()
    desks = [Desk(more()) for _ in range(4)]
    await asyncio.gather(*(each.register(ada, a_browser(f"{n:02}")) for n, each in enumerate(desks)))
    assert sorted(await desk.endpoints(ada)) == ["00", "01", "02", "03"]


async def test_twins_of_one_browser_are_one_device(desk: Desk, more: Callable[[], Instance]) -> None:
    ada, browser = desk.chat.ids.new(), a_browser()
    await asyncio.gather(*(Desk(more()).register(ada, browser) for _ in range(4)))
    assert await desk.endpoints(ada) == ["b1"]
    [device] = await desk.devices.list(ada)
    owned = await desk.chat.documents.find(CHAT, *endpoint_key(device.target))
    assert owned is not None
    assert (owned.item["userId"], owned.item["deviceId"]) == (ada, device.id)


async def test_the_next_person_at_the_keyboard_takes_the_browser_over(desk: Desk) -> None:
    ada, bob, browser = desk.chat.ids.new(), desk.chat.ids.new(), a_browser()
    await desk.register(ada, browser)
    device, _ = await desk.register(bob, browser, "s2")
    await desk.devices.forget_sessions(ada, ["s1"])  # Ada's list still had it
    owned = await desk.chat.documents.find(CHAT, *endpoint_key(device.target))
    assert owned is not None
    assert owned.item["userId"] == bob, "and letting go of it did not take it from Bob"


async def test_who_only_knows_the_url_cannot_take_it_over(desk: Desk) -> None:
    ada, eve, browser = desk.chat.ids.new(), desk.chat.ids.new(), a_browser()
    await desk.register(ada, browser)
    with pytest.raises(EndpointTaken):
        await desk.register(eve, Browser(browser.endpoint))
    assert await desk.endpoints(eve) == []
    assert await desk.endpoints(ada) == ["b1"]


async def test_what_is_no_subscription_is_refused_and_nothing_is_kept(desk: Desk) -> None:
    ada, browser = desk.chat.ids.new(), a_browser()
    for endpoint, p256dh in (("https://evil.example/x", browser.p256dh), (browser.endpoint, "BA" + "A" * 85)):
        with pytest.raises(Invalid):
            await desk.devices.register(
                ada, "s1", endpoint=endpoint, p256dh=p256dh, auth=browser.auth, new_id=desk.chat.ids.new()
            )
    assert await desk.devices.list(ada) == []


async def test_removing_is_ones_own_and_lets_go_of_the_endpoint(desk: Desk) -> None:
    ada, bob, browser = desk.chat.ids.new(), desk.chat.ids.new(), a_browser()
    device, _ = await desk.register(ada, browser)
    for who, what in ((bob, device.id), (ada, desk.chat.ids.new())):
        with pytest.raises(NotFound):
            await desk.devices.remove(who, what)
    await desk.devices.remove(ada, device.id)
    assert await desk.devices.list(ada) == []
    assert await desk.chat.documents.find(CHAT, *endpoint_key(device.target)) is None
    with pytest.raises(NotFound):
        await desk.devices.remove(ada, device.id)


async def test_a_sign_in_that_ends_takes_its_browsers_along_and_no_others(desk: Desk) -> None:
    ada = desk.chat.ids.new()
    for name, session in (("b1", "s1"), ("b2", "s1"), ("b3", "s2")):
        await desk.register(ada, a_browser(name), session)
    for _ in range(2):
        await desk.devices.forget_sessions(ada, ["s1", "s9"])
        assert await desk.endpoints(ada) == ["b3"]
    with desk.chat.documents.measure() as calls:
        await desk.devices.forget_sessions(ada, ["s1"])
    assert calls.by_kind == {"find": 1}


async def test_a_removal_and_a_new_browser_at_once_lose_neither(desk: Desk, more: Callable[[], Instance]) -> None:
    ada = desk.chat.ids.new()
    await desk.register(ada, a_browser("b1"))
    await asyncio.gather(
        Desk(more()).devices.forget_sessions(ada, ["s1"]), Desk(more()).register(ada, a_browser("b2"), "s2")
    )
    listed = devices_of(await desk.chat.documents.find(CHAT, ada, "devices"))
    assert [device.session_id for device in listed] == ["s2"]


async def test_where_push_is_not_set_up_nobody_registers(chat: Instance) -> None:
    devices = Devices(chat.documents, chat.clock, HOSTS, lambda: None)
    with pytest.raises(PushNotSetUp):
        devices.public_key()
    browser = a_browser()
    with pytest.raises(PushNotSetUp):
        await devices.register(
            "u", "s", endpoint=browser.endpoint, p256dh=browser.p256dh, auth=browser.auth, new_id="d"
        )
    assert await devices.list("u") == []
