"""The whole main job, through `python -m devhost` as its users start it."""

from pathlib import Path

import pytest

from tests.main_job.browser import browser_chat
from tests.main_job.live import live
from tests.main_job.people import Person, Town, a_town
from tests.process import a_dev_host

CONTACT = {"name": "Carol", "email": "carol@county.example", "subject": "Opening hours", "message": "When do you open?"}
REFERRAL = {
    "referrer": {"name": "Carol", "email": "carol@county.example", "organization": "County Probation"},
    "participant": {"name": "Dan", "phone": "555 010 0142"},
    "services": ["housing", "job search"],
    "urgency": "high",
}


async def test_two_people_learn_write_to_us_and_talk(tmp_path: Path) -> None:
    async with a_dev_host(tmp_path) as host, a_town(host) as town:
        ada, bob = await town.sign_up("Ada"), await town.sign_up("Bob")
        await ada.call("GET", "/users/me/progress", 403)  # the e-mail comes first
        await ada.confirm_email()
        await bob.confirm_email()
        await take_a_lesson(ada)
        await write_to_us(town)
        await talk(ada, bob)
        assert await host.stop() == 0


@pytest.mark.servers
async def test_a_browser_talks_with_microsofts_javascript_client(tmp_path: Path) -> None:
    async with a_dev_host(tmp_path) as host, a_town(host) as town:
        ada, bob = await town.sign_up("Ada"), await town.sign_up("Bob")
        await ada.confirm_email()
        await bob.confirm_email()
        conversation = {"type": "direct", "participantIds": [bob.id]}
        here = (await ada.call("POST", "/conversations", 201, json=conversation))["id"]
        async with browser_chat(ada) as to_ada, live(bob) as to_bob:
            await to_ada.send(here, "From a browser", "1")
            heard = await to_bob.next("message.new")
            assert (heard["senderId"], heard["text"], heard["seq"]) == (ada.id, "From a browser", 1)
            assert (await to_ada.next("message.new"))["id"] == heard["id"]
            await to_bob.send(here, "From a script", "1")
            assert (await to_ada.next("message.new"))["text"] == "From a script"


async def take_a_lesson(person: Person) -> None:
    course_id = (await person.call("GET", "/courses?category=tech&sort=title", 200))["items"][0]["id"]
    course = await person.call("GET", f"/courses/{course_id}", 200)
    lesson_id = course["lessons"][0]["id"]
    await person.call("GET", f"/courses/{course_id}/lessons/{lesson_id}", 403)
    await person.call("POST", f"/courses/{course_id}/enroll", 200)
    lesson = await person.call("GET", f"/courses/{course_id}/lessons/{lesson_id}", 200)
    assert len(lesson["content"]) > 200
    done = await person.call("POST", f"/courses/{course_id}/lessons/{lesson_id}/complete", 200, json={"timeSpent": 12})
    assert done["progress"]["completedLessons"] == 1
    progress = await person.call("GET", "/users/me/progress", 200)
    assert progress["courses"][course_id]["completedLessons"] == [lesson_id]
    assert progress["courses"][course_id]["timeSpent"] == 12
    profile = await person.call("GET", "/users/me", 200)
    assert profile["enrolledCourses"] == [course_id]


async def write_to_us(town: Town) -> None:
    visitor = await town.visitor()
    contact = await visitor.call("POST", "/forms/contact", 201, json=CONTACT)
    referral = await visitor.call("POST", "/forms/referral", 201, json=REFERRAL)
    assert referral["trackingNumber"].startswith("REF-")
    await visitor.call("GET", "/forms", 401)
    password = "a long password of my own"
    made = await town.host.admin(
        *("create-user", "--email", "eve@tools.example", "--name", "Eve", "--role", "admin"), text=f"{password}\n"
    )
    assert made[0] == 0, made
    eve = await town.sign_in("eve@tools.example", password)
    listed = await eve.call("GET", "/forms", 200)
    assert {item["id"] for item in listed["items"]} == {contact["id"], referral["id"]}
    form = await eve.call("GET", f"/forms/{referral['id']}", 200)
    assert form["trackingNumber"] == referral["trackingNumber"]
    assert await town.host.wait_for_mails("team@tools.example", 2)


async def talk(ada: Person, bob: Person) -> None:
    [found] = (await ada.call("GET", "/users?query=Bob", 200))["items"]
    assert found["id"] == bob.id
    async with live(ada) as to_ada, live(bob) as to_bob:
        opened = await ada.call("POST", "/conversations", 201, json={"type": "direct", "participantIds": [bob.id]})
        here = opened["id"]
        again = await bob.call("POST", "/conversations", 200, json={"type": "direct", "participantIds": [ada.id]})
        assert again["id"] == here

        said = {"text": "Hello Bob", "clientMessageId": "1"}
        sent = await ada.call("POST", f"/conversations/{here}/messages", 201, json=said)
        for listening in (to_ada, to_bob):
            heard = await listening.next("message.new")
            assert (heard["id"], heard["text"], heard["seq"]) == (sent["id"], "Hello Bob", 1)

        await to_bob.send(here, "Hello Ada", "1")
        for listening in (to_ada, to_bob):
            heard = await listening.next("message.new")
            assert (heard["senderId"], heard["text"], heard["seq"]) == (bob.id, "Hello Ada", 2)

    history = await bob.call("GET", f"/conversations/{here}/messages", 200)
    assert [message["text"] for message in history["items"]] == ["Hello Bob", "Hello Ada"]
    listed = await ada.call("GET", "/conversations", 200)
    assert listed["items"][0]["lastMessage"]["text"] == "Hello Ada"
