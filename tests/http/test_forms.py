"""The public forms over HTTP."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.sql.sqlite import sqlite_database
from adapters.sql.sqlite_file import sqlite_path
from tests.world import World, a_world

CONTACT = {"name": "Ada", "email": "ada@people.example", "subject": "Hours", "message": "When do you open?\nThanks."}
INTEREST = {
    "name": "Bob",
    "email": "bob@people.example",
    "interests": ["welding", "reading"],
    "availability": "evenings",
}
REFERRAL: dict[str, Any] = {
    "referrer": {
        "name": "Carol",
        "email": "carol@county.example",
        "phone": "+1 (555) 010-0199",
        "organization": "County",
    },
    "participant": {"name": "Dan", "contact": "dan@people.example", "phone": "555 010 0142 ext. 7"},
    "services": ["housing", "job search"],
    "urgency": "high",
    "notes": "Released on Friday.",
}
FORMS: dict[str, dict[str, Any]] = {"contact": CONTACT, "interest": INTEREST, "referral": REFERRAL}


async def send(world: World, form: str, body: Any = None, **headers: str) -> httpx.Response:
    given = FORMS[form] if body is None else body
    return await world.client.post(f"/api/v1/forms/{form}", json=given, headers=headers)


def rows(data: Path, sql: str) -> list[tuple[Any, ...]]:
    """What is in the file, read past the application."""
    with closing(sqlite3.connect(sqlite_path(data))) as connection:
        return connection.execute(sql).fetchall()


def count(data: Path, table: str = "submissions") -> int:
    return int(rows(data, f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - our own names


@pytest.mark.parametrize("form", FORMS)
async def test_a_form_is_taken_and_both_sides_are_told(world: World, form: str) -> None:
    reply = await send(world, form)
    assert reply.status_code == 201
    answer = reply.json()
    assert answer["submittedAt"] == "2026-01-20T12:00:00.000Z"
    assert answer["message"].startswith("Thank you.")
    assert set(answer) == {"id", "message", "submittedAt"} | ({"trackingNumber"} if form == "referral" else set())
    assert count(world.data, "outbox") == 0  # handed over at once
    await world.run_jobs()
    sender = REFERRAL["referrer"]["email"] if form == "referral" else FORMS[form]["email"]
    assert sorted(mail.to for mail in world.mails()) == sorted(["team@tools.example", sender])


async def test_referrals_of_a_year_are_numbered_in_turn(world: World) -> None:
    numbers = [(await send(world, "referral")).json()["trackingNumber"] for _ in range(2)]
    world.clock.advance(days=365)
    numbers.append((await send(world, "referral")).json()["trackingNumber"])
    assert numbers == ["REF-2026-000001", "REF-2026-000002", "REF-2027-000001"]


async def test_fifty_referrals_at_once_leave_no_gap(world: World) -> None:
    replies = await asyncio.gather(*(send(world, "referral") for _ in range(50)))
    assert {reply.status_code for reply in replies} == {201}
    numbers = sorted(reply.json()["trackingNumber"] for reply in replies)
    assert numbers == [f"REF-2026-{number:06d}" for number in range(1, 51)]


@pytest.mark.parametrize("form", FORMS)
async def test_a_filled_honeypot_gets_an_answer_like_any_other_and_nothing_is_kept(world: World, form: str) -> None:
    true = (await send(world, form)).json()
    kept = count(world.data)
    reply = await send(world, form, {**FORMS[form], "website": "https://spam.example"})
    assert reply.status_code == 201
    assert {key: type(value) for key, value in reply.json().items()} == {
        key: type(value) for key, value in true.items()
    }
    assert len(reply.json().get("trackingNumber", "")) == len(true.get("trackingNumber", ""))
    assert count(world.data) == kept
    await world.run_jobs()
    assert len(world.mails()) == 2
    if form == "referral":
        assert (await send(world, form)).json()["trackingNumber"] == "REF-2026-000002"


@pytest.mark.parametrize("empty", ["", "  ", None])
async def test_an_empty_honeypot_is_no_trap(world: World, empty: str | None) -> None:
    assert (await send(world, "contact", {**CONTACT, "website": empty})).status_code == 201
    assert count(world.data) == 1


async def test_a_repeated_request_gets_the_first_answer(world: World) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await send(world, "referral", **headers)
    world.clock.advance(seconds=5)
    again = await send(world, "referral", **headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    await world.run_jobs()
    assert (count(world.data), len(world.mails())) == (1, 2)


async def test_parallel_repeats_make_one_submission(world: World) -> None:
    replies = await asyncio.gather(*(send(world, "referral", **{"Idempotency-Key": "once"}) for _ in range(10)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.text for reply in replies}) == 1
    assert count(world.data) == 1


async def test_a_key_is_for_one_form_only(world: World) -> None:
    headers = {"Idempotency-Key": "once"}
    await send(world, "contact", **headers)
    other = await send(world, "contact", {**CONTACT, "message": "Something else."}, **headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")
    assert (await send(world, "interest", **headers)).status_code == 201  # another form has keys of its own


async def test_a_key_is_free_again_after_a_day(world: World) -> None:
    headers = {"Idempotency-Key": "daily"}
    first = (await send(world, "contact", **headers)).json()
    world.clock.advance(days=1)
    replies = await asyncio.gather(
        *(send(world, "contact", {**CONTACT, "message": "New."}, **headers) for _ in range(4))
    )
    answers = {reply.text for reply in replies}
    assert len(answers) == 1
    assert first["id"] not in answers.pop()
    assert count(world.data) == 2


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"caf\xe9", b"a\tb"])
async def test_a_bad_key_is_refused(world: World, key: bytes) -> None:
    headers = {b"Idempotency-Key": key}
    reply = await world.client.post("/api/v1/forms/contact", json=CONTACT, headers=headers)
    assert reply.status_code == 400
    assert count(world.data) == 0


async def test_optional_fields_may_be_left_empty(world: World) -> None:
    reply = await send(world, "contact", {**CONTACT, "phone": ""})
    submission = await world.parts.forms.store.find(reply.json()["id"])
    assert submission is not None
    assert submission.content["phone"] is None


async def test_where_a_form_came_from_is_kept_roughly_and_not_for_ever(world: World) -> None:
    await send(world, "contact", **{"User-Agent": "Mozilla/5.0 \x01odd", "X-Request-Id": "r-1"})
    origin = "SELECT client_network, user_agent, request_id FROM submissions"
    assert rows(world.data, origin) == [("203.0.113.0/24", "Mozilla/5.0 odd", "r-1")]
    world.clock.advance(days=29)
    await world.run_jobs("forget_form_origins")
    assert rows(world.data, origin) != [(None, None, None)]
    world.clock.advance(days=2)
    await world.run_jobs("forget_form_origins")
    assert rows(world.data, origin) == [(None, None, None)]


async def test_the_audit_trail_holds_ids_and_slugs_only(world: World) -> None:
    answer = (await send(world, "referral")).json()
    [(action, subject, actor, details)] = rows(world.data, "SELECT action, subject_id, actor_id, details FROM audit")
    assert (action, subject, actor, details) == ("form.received", answer["id"], None, '{"type":"referral"}')


async def test_each_form_has_a_limit_of_its_own(tmp_path: Path) -> None:
    async with a_world(tmp_path, APP_RATE_LIMIT_FORMS_PER_MINUTE="2") as world:
        statuses = [(await send(world, form)).status_code for form in ("contact", "contact", "contact", "interest")]
    assert statuses == [201, 201, 429, 201]


async def test_what_a_crash_left_in_the_outbox_is_mailed_by_the_sweep(world: World) -> None:
    outbox = world.parts.sql_outbox

    class Crash(BaseException):
        """The process ends here."""

    async def crash(_tasks: object) -> None:
        raise Crash

    outbox.hand_over = crash  # type: ignore[assignment,method-assign]
    with pytest.raises(Crash):
        await send(world, "referral")
    assert (count(world.data), count(world.data, "outbox")) == (1, 2)
    await world.run_jobs()
    assert world.mails() == []  # the request might still be at it
    world.clock.advance(seconds=16)
    await world.run_jobs()
    assert len(world.mails()) == 2
    assert count(world.data, "outbox") == 0


async def test_a_busy_database_makes_forms_wait_then_answer_and_nothing_else(world: World) -> None:
    await world.parts.sql.close()
    vars(world.parts)["sql"] = sqlite_database(world.data, patience=timedelta(milliseconds=50))
    with closing(sqlite3.connect(sqlite_path(world.data), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(send(world, "contact"))
        await asyncio.sleep(0.02)
        refused = await send(world, "contact")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "service_unavailable")
        assert int(refused.headers["retry-after"]) > 0
        assert (await world.client.get("/api/healthz")).status_code == 200
        assert not waiting.done()
        other.execute("ROLLBACK")
    assert (await waiting).status_code == 201
    assert count(world.data) == 1
