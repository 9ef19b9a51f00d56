"""Missed messages, from a send to the mail and the end of mails, over HTTP and the queues."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.kernel.accounts import ACCOUNT_ID
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import Patch
from domain.kernel.unsubscribing import mint_unsubscribe_token
from tests.http.test_chat_signals import open_direct, post, say
from tests.http.test_users import ME, code, get, patch, paths
from tests.world import Person, World

URL = "/api/v1/users/unsubscribe"


async def miss(world: World, ada: Person, bob: Person, texts: int = 1) -> str:
    """Bob misses what Ada says, for longer than an hour. Returns where."""
    room = await open_direct(world, ada, bob)
    for n in range(texts):
        await say(world, ada, room, f"secret {n}")
    await world.parts.chat.behind.settle()
    for wait in (timedelta(seconds=6), timedelta(minutes=71)):
        world.clock.advance(wait)
        await world.run_jobs("sweep_outbox")
    return room


async def again(world: World, person: Person) -> Person:
    """Signed in anew: the first access token is over by now."""
    async with world.browser() as browser:
        reply = await browser.post("/api/v1/auth/login", json={"email": person.email, "password": person.password})
    return replace(person, token=reply.json()["accessToken"])


async def test_one_mail_tells_how_much_was_missed_and_nothing_of_what(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    before = len(world.mails())
    await miss(world, ada, bob, texts=3)
    [mail] = world.mails()[before:]
    assert (mail.to, mail.subject) == (bob.email, "You have unread messages")
    assert "3 unread messages in 1 conversation." in mail.text
    assert "secret" not in mail.text + mail.html
    assert "Ada" not in mail.text + mail.html
    assert mail.links[0] == "http://localhost:3000/messages"
    for _ in range(3):
        await world.run_jobs()
    assert len(world.mails()) == before + 1


async def test_what_was_read_while_the_mail_waited_is_not_told(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    before = len(world.mails())
    task = {"template": "digest", "userId": bob.id, "digestId": ada.id}
    assert not await world.parts.mail_room.deliver(task)
    room = await miss(world, ada, bob)
    await post(world, f"/api/v1/conversations/{room}/read", await again(world, bob), {"seq": 1})
    assert not await world.parts.mail_room.deliver(task)
    assert len(world.mails()) == before + 1


async def test_the_mails_link_ends_such_mails_without_a_sign_in(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    await miss(world, ada, bob)
    mail = world.mails()[-1]
    ada, bob = await again(world, ada), await again(world, bob)
    assert mail.unsubscribe in mail.links
    async with world.browser() as nobody:
        shown = await nobody.get(mail.unsubscribe)  # what a scanner does that follows links
        assert shown.status_code == 302
        assert shown.headers["Location"].startswith("http://localhost:3000/unsubscribe?token=")
        assert (await get(world, ME, bob)).json()["preferences"]["emailDigest"] == "daily"
        for _ in range(2):  # RFC 8058 §3.2
            done = await nobody.post(
                mail.unsubscribe,
                content="List-Unsubscribe=One-Click",
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
            assert done.status_code == 200
    assert (await get(world, ME, bob)).json()["preferences"]["emailDigest"] == "off"
    trail = (await get(world, f"{ME}/activity", bob)).json()["items"]
    assert [entry["code"] for entry in trail].count("unsubscribed") == 1
    assert (await get(world, ME, ada)).json()["preferences"]["emailDigest"] == "daily"


async def test_only_our_own_tokens_end_mails(world: World) -> None:
    ada = await world.sign_up("ada")
    good = mint_unsubscribe_token((await world.parts.keys.get()).current, user_id=ada.id)
    for bad in ("", "x", good[:-1], good[:-2] + ("A" if good[-2] != "A" else "B") + good[-1], good + "A", "ü" * 64):
        assert code(await world.client.post(URL, params={"token": bad})) == (401, "invalid_token"), bad
    assert code(await world.client.post(URL)) == (401, "invalid_token")
    gone = mint_unsubscribe_token((await world.parts.keys.get()).current, user_id=(ada.id[:-1] + "0"))
    assert (await world.client.post(URL, params={"token": gone})).status_code == 200, "absence is not told"


async def test_preferences_are_the_persons(world: World) -> None:
    ada = await world.sign_up("ada")
    hours = {"start": "22:00", "end": "07:00", "timeZone": "America/Chicago"}
    changed = await patch(world, ME, ada, {"preferences": {"emailDigest": "weekly", "quietHours": hours}})
    assert changed.json()["preferences"] == {
        "notifications": True,
        "emailUpdates": True,
        "theme": "light",
        "emailDigest": "weekly",
        "quietHours": hours,
    }
    kept = await patch(world, ME, ada, {"preferences": {"theme": "dark"}})
    assert kept.json()["preferences"]["quietHours"] == hours
    without = await patch(world, ME, ada, {"preferences": {"quietHours": None}})
    assert without.json()["preferences"]["quietHours"] is None


@pytest.mark.parametrize(
    ("preferences", "path"),
    [
        ({"emailDigest": "always"}, "preferences.emailDigest"),
        ({"emailDigest": None}, "preferences.emailDigest"),
        ({"quietHours": {"start": "22:00", "end": "07:00"}}, "preferences.quietHours.timeZone"),
        ({"quietHours": {"start": "24:00", "end": "07:00", "timeZone": "UTC"}}, "preferences.quietHours.start"),
        ({"quietHours": {"start": "22:00", "end": 7, "timeZone": "UTC"}}, "preferences.quietHours.end"),
        ({"quietHours": {"start": "22:00", "end": "07:00", "timeZone": "Mars"}}, "preferences.quietHours.timeZone"),
        ({"quietHours": {"start": "07:00", "end": "07:00", "timeZone": "UTC"}}, "preferences.quietHours.end"),
        ({"quietHours": "night"}, "preferences.quietHours"),
    ],
)
async def test_preferences_that_are_none_are_refused(world: World, preferences: object, path: str) -> None:
    ada = await world.sign_up("ada")
    reply = await patch(world, ME, ada, {"preferences": preferences})
    assert code(reply) == (400, "validation_error")
    assert paths(reply) == [path]


async def test_an_account_older_than_these_preferences_has_their_defaults(world: World) -> None:
    ada = await world.sign_up("ada")
    old = {"notifications": False, "emailUpdates": True, "theme": "dark"}
    await world.parts.documents.patch(ACCOUNTS, ada.id, Patch(ACCOUNT_ID, set={"preferences": old}))
    assert (await get(world, ME, ada)).json()["preferences"] == {**old, "emailDigest": "daily", "quietHours": None}
    hours = {"start": "22:00", "end": "07:00", "timeZone": "UTC"}
    assert (await patch(world, ME, ada, {"preferences": {"quietHours": hours}})).status_code == 200
