"""What an operator does to accounts and keys at the console."""

import pytest

from runtime.admin import read_command, run
from runtime.commands import CommandFailed
from tests.auth import bearer, code, is_refused, log_in
from tests.world import PASSWORD, World

EVE = {"email": "Eve@people.example", "name": "Eve", "role": "admin"}


async def test_a_created_user_is_verified_active_and_has_the_role(world: World) -> None:
    status, said = await run(world.parts, "create-user", EVE, PASSWORD)
    assert (status, said[:14]) == (0, "created admin ")
    assert PASSWORD not in said
    reply = await log_in(world.browser(), "eve@people.example")
    assert reply.json()["user"]["role"] == "admin"
    me = await world.browser().get("/api/v1/admin/users", headers=bearer(reply))
    assert me.status_code == 200


@pytest.mark.parametrize(
    ("options", "password", "line"),
    [
        (EVE, "short", "password: Use at least 8 characters."),
        (EVE, "password123", "password: This password is among those that are tried first."),
        ({**EVE, "email": "eve"}, PASSWORD, "email: This is not an e-mail address we can use."),
        ({**EVE, "name": " "}, PASSWORD, "name: Must have at least one letter."),
    ],
)
async def test_what_cannot_be_created_is_refused_in_one_line(
    world: World, options: dict[str, str], password: str, line: str
) -> None:
    assert await run(world.parts, "create-user", options, password) == (1, line)
    assert (await run(world.parts, "create-user", EVE, PASSWORD))[0] == 0


async def test_nobody_is_created_twice(world: World) -> None:
    await world.sign_up("eve")
    status, said = await run(world.parts, "create-user", EVE, "quite another phrase")
    assert (status, "\n" in said) == (1, False)
    assert (await log_in(world.browser(), "eve@people.example")).json()["user"]["role"] == "user"


@pytest.mark.parametrize("arguments", [[], ["--email", "eve@people.example"], ["--role", "boss"]])
def test_an_incomplete_command_fails_before_anything_is_opened(arguments: list[str]) -> None:
    with pytest.raises(CommandFailed):
        read_command(["create-user", *arguments])


async def test_keys_are_turned_over_step_by_step_and_not_too_early(world: World) -> None:
    ada = await world.sign_up("ada")
    before = (await world.parts.keys.get()).current
    said = [await run(world.parts, "rotate-keys", {}, "") for _ in range(4)]
    assert [status for status, _ in said] == [0, 0, 0, 1]
    keys = await world.parts.keys.get()
    assert (keys.previous, keys.next is not None) == (before, True)
    assert all(key.secret.hex() not in line for key in keys.accepted for _, line in said)
    assert await is_refused(world, ada.bearer) is None
    world.clock.advance(days=7)
    assert (await run(world.parts, "rotate-keys", {}, ""))[0] == 0
    assert (await world.parts.keys.get()).find(before.kid) is None
    assert await is_refused(world, ada.bearer) == "invalid_token"
    assert code(await world.browser().post("/api/v1/auth/logout-all", headers=ada.bearer)) == "invalid_token"
