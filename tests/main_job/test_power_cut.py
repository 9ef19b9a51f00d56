"""The dev host is killed in the middle of writes and started again: what was answered is there, once."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from tests.main_job.people import Person, Town, a_town
from tests.process import DevHostProcess, a_dev_host

ANSWERED_BEFORE_THE_CUT = 40
WRITERS = 4
QUICK = {
    "APP_ARGON2_MEMORY_KIB": "1024",
    "APP_ARGON2_PASSES": "1",
    "APP_RATE_LIMIT_PUBLIC_PER_MINUTE": "1000000",
    "APP_RATE_LIMIT_SIGNED_IN_PER_MINUTE": "1000000",
    "APP_RATE_LIMIT_SIGNUP_PER_MINUTE": "1000000",
    "APP_RATE_LIMIT_LOGIN_PER_MINUTE": "1000000",
    "APP_RATE_LIMIT_FORMS_PER_MINUTE": "1000000",
}


@dataclass
class Answered:
    """What the process said it had done, before it was killed."""

    forms: dict[str, str] = field(default_factory=dict)
    """Tracking number by id."""
    messages: dict[int, str] = field(default_factory=dict)
    """Text by seq."""
    lessons: set[tuple[str, str]] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self) -> None:
        counts = [len(self.forms), len(self.messages), len(self.lessons), len(self.accounts)]
        if sum(counts) >= ANSWERED_BEFORE_THE_CUT and all(counts):
            self.enough.set()


async def test_nothing_that_was_answered_is_lost(tmp_path: Path) -> None:
    answered = Answered()
    async with a_dev_host(tmp_path, **QUICK) as host, a_town(host) as town:
        ada, bob = await town.sign_up("Ada"), await town.sign_up("Bob")
        await ada.confirm_email()
        await bob.confirm_email()
        conversation = {"type": "direct", "participantIds": [bob.id]}
        here = (await ada.call("POST", "/conversations", 201, json=conversation))["id"]
        await write_until_killed(host, town, ada, here, answered)
    async with a_dev_host(tmp_path, **QUICK) as host, a_town(host) as town:
        ada = await town.sign_in("ada@people.example")
        await check_messages(ada, here, answered)
        await check_lessons(ada, answered)
        await check_forms(town, answered)
        for email in answered.accounts:
            await town.sign_in(email)
            assert len(await host.wait_for_mails(email)) == 1
        await ada.call("POST", f"/conversations/{here}/messages", 201, json={"text": "on", "clientMessageId": "on"})
        assert await host.stop() == 0


async def write_until_killed(host: DevHostProcess, town: Town, ada: Person, here: str, answered: Answered) -> None:
    courses = [item["id"] for item in (await ada.call("GET", "/courses?limit=100", 200))["items"]]
    lessons = [
        (course_id, lesson["id"])
        for course_id in courses
        for lesson in (await ada.call("GET", f"/courses/{course_id}", 200))["lessons"]
    ]
    for course_id in courses:
        await ada.call("POST", f"/courses/{course_id}/enroll", 200)
    visitor = await town.visitor()
    numbers = count()

    async def message() -> None:
        text = f"message {next(numbers)}"
        said = {"text": text, "clientMessageId": text}
        sent = await ada.call("POST", f"/conversations/{here}/messages", 201, json=said)
        answered.messages[sent["seq"]] = text

    async def lesson() -> None:
        course_id, lesson_id = lessons[next(numbers) % len(lessons)]
        await ada.call("POST", f"/courses/{course_id}/lessons/{lesson_id}/complete", 200, json={})
        answered.lessons.add((course_id, lesson_id))

    async def form() -> None:
        sent = await visitor.call("POST", "/forms/referral", 201, json=a_referral(next(numbers)))
        answered.forms[sent["id"]] = sent["trackingNumber"]

    async def account() -> None:
        person = await town.sign_up(f"Person{next(numbers)}")
        answered.accounts.add(person.email)

    writing = [
        asyncio.create_task(again_and_again(write, answered))
        for write in (message, lesson, form, account)
        for _ in range(WRITERS)
    ]
    async with asyncio.timeout(60):
        await answered.enough.wait()
    await host.kill()
    await asyncio.gather(*writing)


async def again_and_again(write: Callable[[], Awaitable[None]], answered: Answered) -> None:
    with suppress(httpx.TransportError):  # the process is gone
        while True:
            await write()
            answered.count()


def a_referral(number: int) -> dict[str, Any]:
    return {
        "referrer": {"name": "Carol", "email": "carol@county.example"},
        "participant": {"name": f"Dan {number}"},
        "services": ["housing"],
        "urgency": "low",
    }


async def check_messages(ada: Person, here: str, answered: Answered) -> None:
    page = await ada.call("GET", f"/conversations/{here}/messages?after=0&limit=1000", 200)
    kept = {message["seq"]: message["text"] for message in page["items"]}
    assert answered.messages.items() <= kept.items()
    assert sorted(kept) == list(range(1, len(kept) + 1))
    assert len(set(kept.values())) == len(kept)


async def check_lessons(ada: Person, answered: Answered) -> None:
    courses = (await ada.call("GET", "/users/me/progress", 200))["courses"]
    kept = {(course_id, lesson_id) for course_id, one in courses.items() for lesson_id in one["completedLessons"]}
    assert answered.lessons <= kept


async def check_forms(town: Town, answered: Answered) -> None:
    password = "a long password of my own"
    email = "eve@tools.example"
    made = await town.host.admin(
        "create-user", "--email", email, "--name", "Eve", "--role", "admin", text=f"{password}\n"
    )
    assert made[0] == 0, made
    eve = await town.sign_in(email, password)
    kept: dict[str, str] = {}
    cursor = ""
    while True:
        page = await eve.call("GET", f"/forms?limit=100{cursor}", 200)
        kept |= {item["id"]: item["trackingNumber"] for item in page["items"]}
        if not page["pagination"]["hasMore"]:
            break
        cursor = f"&cursor={page['pagination']['nextCursor']}"
    assert answered.forms.items() <= kept.items()
    numbers = sorted(int(number.rpartition("-")[2]) for number in kept.values())
    assert numbers == list(range(1, len(numbers) + 1))
