"""Storage Queues or the mail server is away: what was answered 2xx is kept, and delivered when they are back."""

import json
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from azure.storage.queue.aio import QueueServiceClient

from domain.kernel.errors import Unavailable
from tests.faults.proxy import Proxy
from tests.faults.test_outboxes import CONTACT, TEAM, outbox_of
from tests.servers import Azurite, free_port
from tests.world import World, a_world


class Postbox:
    """A mail server's end: whom mail was for."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 - theirs
        self.taken += envelope.rcpt_tos
        return "250 OK"


@pytest.fixture
def postbox() -> Generator[tuple[Postbox, int]]:
    postbox, port = Postbox(), free_port()
    controller = Controller(postbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield postbox, port
    controller.stop()


@pytest.mark.parametrize("how", ["away", "cut"])
async def test_mail_waits_for_its_server(postbox: tuple[Postbox, int], tmp_path: Path, how: str) -> None:
    box, port = postbox
    async with (
        Proxy.before(port) as way,
        a_world(tmp_path, APP_SMTP_URL=f"smtp://127.0.0.1:{way.port}") as world,
    ):
        if how == "away":
            await way.close()
        else:
            way.cut()
        await world.sign_up("ada", verified=False)
        assert (await world.client.post("/api/v1/forms/contact", json=CONTACT)).status_code == 201
        with pytest.raises(ExceptionGroup) as failures:
            await world.run_jobs("sweep_sql_outbox")
        assert {isinstance(failure, Unavailable) for failure in failures.value.exceptions} == {True}
        assert box.taken == []
        if how == "away":
            await way.open()
        way.mend()
        vars(world.parts).pop("mailer")  # as another instance would: its circuit breaker has seen no failure
        world.parts.guards.pop("mail", None)
        vars(world.parts).pop("mail_room", None)
        world.clock.advance(minutes=2)
        await world.run_jobs("sweep_sql_outbox")
        assert sorted(box.taken) == ["ada@people.example", "carol@county.example", TEAM]


@pytest.fixture
async def way(azurite: Azurite) -> AsyncGenerator[Proxy]:
    async with Proxy.before(azurite.queue_port) as way:
        yield way


@pytest.mark.servers
@pytest.mark.parametrize("how", ["away", "503"])
async def test_accounts_are_made_while_queues_are_away_and_their_tasks_follow(
    azurite: Azurite, way: Proxy, tmp_path: Path, how: str
) -> None:
    connection_string = azurite.connection_string.replace(f":{azurite.queue_port}/", f":{way.port}/")
    async with a_world(tmp_path, APP_STORAGE_CONNECTION_STRING=connection_string) as world:
        if how == "away":
            await way.close()
        else:
            way.answer(503)
        ada = await world.sign_up("ada", verified=False)
        kept = [item for item in await outbox_of(world, ada.id) if item["queue"] == "mail"]
        assert len(kept) == 1
        if how == "away":
            await way.open()
        way.mend()
        world.clock.advance(minutes=1)
        await hand_over(world)
        assert await outbox_of(world, ada.id) == []
        assert kept[0]["payload"] in await messages_in(azurite, "mail")


async def hand_over(world: World) -> None:
    """What the timer does, past a circuit breaker that counts real time."""
    vars(world.parts)["queue"]._guard._open_until = 0.0
    await world.parts.outbox.sweep_all()


async def messages_in(azurite: Azurite, name: str) -> list[object]:
    async with QueueServiceClient.from_connection_string(azurite.connection_string) as service:
        queue = service.get_queue_client(name)
        return [json.loads(message.content) async for message in queue.receive_messages(max_messages=32)]
