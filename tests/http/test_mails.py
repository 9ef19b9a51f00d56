"""From a request to the letter in the mailbox, through outbox, queue and worker."""

from pathlib import Path
from typing import Any

import pytest

from tests.world import PASSWORD, World, a_world


async def sign_up(world: World, **changes: Any) -> None:
    body = {"email": "ada@people.example", "password": PASSWORD, "name": "Ada", **changes}
    async with world.browser() as browser:
        reply = await browser.post("/api/v1/auth/signup", json=body)
        assert reply.status_code == 201, reply.text


async def test_the_link_in_the_letter_leads_back_to_the_site(world: World) -> None:
    await sign_up(world)
    await world.run_jobs()
    [mail] = world.mails()
    assert mail.to == "ada@people.example"
    assert "Hello Ada," in mail.text
    [link] = set(mail.links)
    assert link in mail.html
    reply = await world.client.get(link)
    assert (reply.status_code, reply.headers["Location"]) == (
        302,
        "http://localhost:3000/verify-email?status=success",
    )
    again = await world.client.get(link)
    assert again.headers["Location"] == "http://localhost:3000/verify-email?status=invalid"


async def test_a_forgotten_password_is_reset_by_the_letter_and_the_change_is_told(world: World) -> None:
    ada = await world.sign_up("ada")
    await world.client.post("/api/v1/auth/forgot-password", json={"email": ada.email})
    await world.run_jobs()
    link = world.mails()[-1].links[0]
    assert link.startswith("http://localhost:3000/reset-password?token=")
    body = {"token": link.partition("token=")[2], "newPassword": "another long enough phrase"}
    assert (await world.client.post("/api/v1/auth/reset-password", json=body)).status_code == 200
    await world.run_jobs()
    assert world.mails()[-1].subject == "Your password was changed"
    assert "another long" not in world.mails()[-1].text


async def test_nobody_is_written_to_who_has_no_account(world: World) -> None:
    await world.client.post("/api/v1/auth/forgot-password", json={"email": "nobody@people.example"})
    await world.run_jobs()
    assert world.mails() == []


@pytest.mark.parametrize(
    "name",
    ["You won! http://evil.example", "<img src=x onerror=alert(1)>", "Ada\r\nBcc: eve@evil.example", "evil.example"],
)
async def test_a_stranger_cannot_write_through_our_letters(world: World, name: str) -> None:
    await sign_up(world, name=name)
    await world.run_jobs()
    [mail] = world.mails()
    [path] = (world.data / "mail").glob("*.eml")
    whole = path.read_text()
    for smuggled in ("evil", "onerror", "Bcc"):
        assert smuggled not in whole
    assert mail.text.splitlines()[0] == "Hello,"


async def test_a_letter_survives_a_queue_that_is_down(tmp_path: Path) -> None:
    in_the_way = tmp_path / "queues.db"
    async with a_world(tmp_path) as world:
        in_the_way.mkdir()
        await sign_up(world)
        in_the_way.rmdir()
        await world.run_jobs()
        assert world.mails() == []
        world.clock.advance(minutes=1)
        await world.run_jobs("sweep_outbox")
        assert len(world.mails()) == 1


async def test_a_mailer_that_is_down_is_tried_again_and_a_sweep_sends_nothing_twice(tmp_path: Path) -> None:
    in_the_way = tmp_path / "mail"
    async with a_world(tmp_path) as world:
        in_the_way.write_text("no folder")
        await sign_up(world)
        with pytest.raises(ExceptionGroup):
            await world.run_jobs()
        in_the_way.unlink()
        world.clock.advance(minutes=1)
        await world.run_jobs()
        await world.run_jobs()
        assert len(world.mails()) == 1


async def test_a_link_that_was_used_before_the_worker_came_is_not_mailed(world: World) -> None:
    ada = await world.sign_up("ada", verified=False)
    await world.client.post("/api/v1/auth/resend-verification", headers=ada.bearer)
    await world.run_jobs()
    assert len(world.mails()) == 2
    await world.client.post("/api/v1/auth/resend-verification", headers=ada.bearer)
    token = world.mails()[0].links[0].partition("token=")[2]
    await world.client.post("/api/v1/auth/verify-email", json={"token": token})
    await world.run_jobs()
    assert len(world.mails()) == 2


async def test_what_is_queued_tells_nothing_about_people(world: World) -> None:
    from adapters.queues.sqlite import SqliteQueue

    await sign_up(world)
    queue = world.parts.queue
    assert isinstance(queue, SqliteQueue)
    bodies = " ".join(message.body for message in await queue.peek())
    assert "linkId" in bodies
    for secret in ("people.example", "@", "token"):  # not "ada": ids are hexadecimal
        assert secret not in bodies.lower()
