"""`Idempotency-Key`: sent twice, done once."""

import asyncio
from datetime import timedelta

import pytest

from domain.kernel.containers import IDEMPOTENCY
from domain.kernel.documents import Query as ItemQuery
from domain.kernel.errors import Conflict, Unavailable
from tests.http.lab import Lab
from web import idempotency

NOTES = "/api/v1/lab/notes"


async def test_the_same_key_and_body_get_the_first_answer_again(lab: Lab) -> None:
    first = await lab.post(NOTES, {"text": "a", "count": 2}, Idempotency_Key="k1")
    again = await lab.post(NOTES, {"count": 2, "text": " a "}, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert len(lab.desk.notes) == 1


async def test_the_same_key_with_another_body_is_a_conflict(lab: Lab) -> None:
    await lab.post(NOTES, {"text": "a"}, Idempotency_Key="k1")
    reply = await lab.post(NOTES, {"text": "b"}, Idempotency_Key="k1")
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "conflict")
    assert len(lab.desk.notes) == 1


async def test_a_key_belongs_to_its_caller_and_endpoint(lab: Lab) -> None:
    await lab.post(NOTES, {"text": "a"}, Idempotency_Key="k1")
    bob = await lab.post(NOTES, {"text": "b"}, Idempotency_Key="k1", Authorization="Bearer bob:s1")
    form = await lab.post("/api/v1/lab/forms", {"text": "c"}, Idempotency_Key="k1")
    assert (bob.status_code, form.status_code) == (201, 200)


async def test_strangers_share_an_endpoints_keys(lab: Lab) -> None:
    sent = {"json": {"text": "a"}, "headers": {"Idempotency-Key": "k1"}}
    first = await lab.client.post("/api/v1/lab/forms", **sent)  # type: ignore[arg-type]
    again = await lab.client.post("/api/v1/lab/forms", **sent)  # type: ignore[arg-type]
    assert again.json() == first.json()
    assert len(lab.desk.bodies) == 1


async def test_after_a_day_a_key_is_new(lab: Lab) -> None:
    await lab.post(NOTES, {"text": "a"}, Idempotency_Key="k1")
    lab.clock.advance(timedelta(hours=24, seconds=1))
    assert (await lab.post(NOTES, {"text": "b"}, Idempotency_Key="k1")).status_code == 201


async def test_twenty_twins_at_once_are_one(lab: Lab) -> None:
    replies = await asyncio.gather(*(lab.post(NOTES, {"text": "a"}, Idempotency_Key="k1") for _ in range(20)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.content for reply in replies}) == 1
    assert len(lab.desk.notes) == 1


async def test_a_refusal_frees_the_key(lab: Lab) -> None:
    lab.desk.fail_next = Conflict()
    assert (await lab.post(NOTES, {"text": "a"}, Idempotency_Key="k1")).status_code == 409
    assert (await lab.post(NOTES, {"text": "corrected"}, Idempotency_Key="k1")).status_code == 201


@pytest.mark.parametrize("fault", [Unavailable(), RuntimeError()])
async def test_after_a_fault_the_next_try_goes_on_with_the_same_id(lab: Lab, fault: Exception) -> None:
    lab.desk.fail_next = fault
    assert (await lab.post(NOTES, {"text": "a"}, Idempotency_Key="k1")).status_code >= 500
    assert (await lab.post(NOTES, {"text": "a"}, Idempotency_Key="k1")).status_code == 201
    first, second = lab.desk.notes
    assert first.id == second.id


async def test_the_key_of_a_request_that_died_is_taken_over(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "WAITS", (0.0,))
    await lab.post(NOTES, {"text": "a"}, Idempotency_Key="k1")
    (stored,) = await lab.documents.query_everywhere(IDEMPOTENCY, ItemQuery())
    await lab.documents.replace(IDEMPOTENCY, {**stored.item, "state": "running"})  # as a killed process leaves it
    early = await lab.post(NOTES, {"text": "a"}, Idempotency_Key="k1")
    assert (early.status_code, early.json()["error"]["retryAfter"]) == (409, 1)
    lab.clock.advance(seconds=60)
    late = await lab.post(NOTES, {"text": "a"}, Idempotency_Key="k1")
    assert late.status_code == 201
    assert lab.desk.notes[1].id == lab.desk.notes[0].id


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
async def test_a_key_must_be_sensible(lab: Lab, key: str) -> None:
    reply = await lab.post(NOTES, {"text": "a"}, Idempotency_Key=key)
    assert reply.json()["error"]["details"][0]["path"] == "Idempotency-Key"


async def test_a_request_that_is_refused_before_it_starts_uses_no_key(lab: Lab) -> None:
    assert (await lab.post(NOTES, {"text": ""}, Idempotency_Key="k1")).status_code == 400
    assert (await lab.post(NOTES, {"text": "a"}, Idempotency_Key="k1")).status_code == 201
