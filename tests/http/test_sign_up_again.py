"""Sign-ups that are repeated, race or die half-way."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from adapters.queues.sqlite import SqliteQueue
from domain.kernel.documents import DocumentStore, Operation, Stored
from domain.kernel.errors import Unavailable
from tests.auth import bearer, code, cookie, is_refused, log_in, refresh
from tests.budget import CountingDocuments
from tests.world import PASSWORD, World

KEY = {"Idempotency-Key": "3f1c6a"}
ADA = {"email": "ada@people.example", "password": PASSWORD, "name": "Ada"}


async def sign_up(world: World, body: dict[str, Any] = ADA, headers: dict[str, str] | None = None) -> httpx.Response:
    return await world.browser().post("/api/v1/auth/signup", json=body, headers=headers)


async def accounts(world: World) -> int:
    """How many people were mailed a first link."""
    await world.run_jobs()
    return len({mail.to for mail in world.mails()})


async def test_the_same_key_and_body_give_new_tokens_of_the_same_session(world: World) -> None:
    first, again = await sign_up(world, headers=KEY), await sign_up(world, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["user"] == again.json()["user"]
    assert cookie(first) == cookie(again)
    assert await is_refused(world, bearer(again)) is None
    await world.run_jobs()
    assert len(world.mails()) == 1


async def test_parallel_requests_with_one_key_make_one_account_and_all_succeed(world: World) -> None:
    replies = await asyncio.gather(*(sign_up(world, headers=KEY) for _ in range(8)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({(reply.json()["user"]["id"], cookie(reply)) for reply in replies}) == 1
    await world.run_jobs()
    assert len(world.mails()) == 1


@pytest.mark.parametrize(
    "other",
    [{"password": "quite another phrase"}, {"name": "Eve"}, {"email": "eve@people.example"}],
    ids=["password", "name", "email"],
)
async def test_the_same_key_with_another_body_is_a_conflict(world: World, other: dict[str, str]) -> None:
    await sign_up(world, headers=KEY)
    reply = await sign_up(world, {**ADA, **other}, KEY)
    assert (reply.status_code, code(reply)) == (409, "conflict")
    assert "set-cookie" not in reply.headers


async def test_another_key_or_none_finds_the_address_taken(world: World) -> None:
    await sign_up(world, headers=KEY)
    for headers in (None, {"Idempotency-Key": "another"}):
        assert code(await sign_up(world, headers=headers)) == "user_exists"


async def test_a_key_is_forgotten_after_a_day(world: World) -> None:
    await sign_up(world, headers=KEY)
    world.clock.advance(days=1, seconds=1)
    assert code(await sign_up(world, headers=KEY)) == "user_exists"


async def test_a_key_gives_no_tokens_of_a_session_that_was_ended(world: World) -> None:
    first = await sign_up(world, headers=KEY)
    await world.client.post("/api/v1/auth/logout", headers=bearer(first))
    assert code(await sign_up(world, headers=KEY)) == "user_exists"


async def test_nothing_that_could_sign_somebody_in_is_kept_for_a_key(world: World) -> None:
    reply = await sign_up(world, headers=KEY)
    kept = b"".join(path.read_bytes() for path in world.data.glob("documents.db*"))
    for secret in (PASSWORD, cookie(reply), reply.json()["accessToken"]):
        assert secret.encode() not in kept


class Stumbling(CountingDocuments):
    """Fails at the next batch, before or after it was done, as a lost connection does."""

    def __init__(self, inner: DocumentStore) -> None:
        super().__init__(inner)
        self.stumbles: list[str] = []

    async def batch(self, container: str, pk: str, operations: Sequence[Operation]) -> list[Stored | None]:
        stumble = self.stumbles.pop() if self.stumbles else ""
        if stumble == "before":
            raise Unavailable
        done = await super().batch(container, pk, operations)
        if stumble == "after":
            raise Unavailable
        return done


@pytest.mark.parametrize("headers", [None, KEY], ids=["without a key", "with a key"])
async def test_a_sign_up_that_died_half_way_can_be_repeated_at_once(
    world: World, headers: dict[str, str] | None
) -> None:
    stumbling = Stumbling(world.parts.documents)
    vars(world.parts)["documents"] = stumbling
    stumbling.stumbles.append("before")
    assert code(await sign_up(world, headers=headers)) == "service_unavailable"
    assert (await sign_up(world, headers=headers)).status_code == 201
    assert (await log_in(world.browser(), ADA["email"])).status_code == 200
    assert await accounts(world) == 1


async def test_a_sign_up_whose_answer_was_lost_is_answered_again_with_its_key(world: World) -> None:
    stumbling = Stumbling(world.parts.documents)
    vars(world.parts)["documents"] = stumbling
    stumbling.stumbles.append("after")
    assert code(await sign_up(world, headers=KEY)) == "service_unavailable"
    reply = await sign_up(world, headers=KEY)
    assert reply.status_code == 201
    assert (await refresh(world, cookie(reply))).status_code == 200
    # What must follow was written with the account, so the sweep finds it.
    world.clock.advance(minutes=1)
    await world.run_jobs()
    assert [mail.to for mail in world.mails()] == [ADA["email"]]


async def test_a_sign_up_stands_though_the_queue_is_away_and_the_mail_follows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(self: SqliteQueue, name: str, payload: dict[str, Any], **_: Any) -> None:
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(SqliteQueue, "send", away)
        assert (await sign_up(world)).status_code == 201
    world.clock.advance(minutes=1)
    await world.run_jobs()
    assert len(world.mails()) == 1


@pytest.mark.parametrize(
    ("field", "value", "slug"),
    [
        ("email", "not an address", "email"),
        ("email", "\u0430da@people.example", "email"),
        ("password", "short", "too_short"),
        ("password", "password123", "common_password"),
        ("password", "ada@people.example", "derived_password"),
        ("name", "", "too_short"),
        ("name", "x" * 101, "too_long"),
        ("role", "admin", "unknown_field"),
    ],
)
async def test_each_bad_field_is_named_and_nothing_is_reserved(world: World, field: str, value: str, slug: str) -> None:
    reply = await sign_up(world, {**ADA, field: value})
    assert (reply.status_code, code(reply)) == (400, "validation_error")
    (fault,) = reply.json()["error"]["details"]
    assert fault["path"] == field
    assert fault["code"] == slug
    assert (await sign_up(world)).status_code == 201


async def test_a_password_is_taken_as_typed_spaces_and_all(world: World) -> None:
    spaced = "  blue Kettle 97  "
    assert (await sign_up(world, {**ADA, "password": spaced})).status_code == 201
    assert (await log_in(world.browser(), ADA["email"], spaced)).status_code == 200
    assert code(await log_in(world.browser(), ADA["email"], spaced.strip())) == "invalid_credentials"
    decomposed = "blue Ke\u0301ttle 97"
    await sign_up(world, {**ADA, "email": "eve@people.example", "password": decomposed})
    reply = await log_in(world.browser(), "eve@people.example", "blue K\u00e9ttle 97")
    assert reply.status_code == 200
