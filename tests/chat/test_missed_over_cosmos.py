"""Digests and devices, their races above all, over Cosmos DB's own protocol."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from uuid import uuid4

import pytest

from domain.kernel.documents import DocumentStore
from tests.chat import test_devices, test_digests, test_noticing, test_pushing
from tests.chat.absent import Street
from tests.chat.lounge import Instance
from tests.chat.test_devices import Desk
from tests.chat.test_pushing import Post
from tests.push_service import a_push_server
from tests.servers import Server

pytestmark = pytest.mark.servers
Race = Callable[[Desk, Callable[[], Instance]], Awaitable[None]]


@pytest.fixture
async def documents(cosmos_emulator: Server) -> AsyncGenerator[DocumentStore]:
    from adapters.documents.cosmos import CosmosDocuments

    documents = CosmosDocuments(cosmos_emulator.url, f"db-{uuid4()}", key="a2V5")
    await documents.ensure_containers()
    yield documents
    await documents.close()


async def test_one_mail_a_period(chat: Instance) -> None:
    await test_digests.test_who_is_away_gets_one_mail_and_the_next_in_the_next_period(Street(chat))


async def test_instances_that_race_for_a_digest(chat: Instance, more: Callable[[], Instance]) -> None:
    await test_digests.test_a_task_done_twice_or_by_two_instances_at_once_is_one_mail(Street(chat), more)


async def test_bursts_that_race_to_expect_a_digest(chat: Instance, more: Callable[[], Instance]) -> None:
    await test_digests.test_many_bursts_at_once_expect_one_digest(Street(chat), more)


async def test_mute_and_mentions(chat: Instance) -> None:
    await test_noticing.test_mute_is_kept_unless_they_are_mentioned(Street(chat))
    await test_noticing.test_what_was_taken_back_in_time_is_not_noticed(Street(chat))


@pytest.fixture
async def desk(chat: Instance) -> AsyncGenerator[Desk]:
    desk = Desk(chat)
    yield desk
    await desk.service.close()


async def test_a_browser_that_registers_again(desk: Desk) -> None:
    await test_devices.test_a_browser_that_registers_again_keeps_its_id_and_follows_the_sign_in(desk)


@pytest.mark.parametrize(
    "race",
    [
        test_devices.test_many_at_once_are_all_kept,
        test_devices.test_twins_of_one_browser_are_one_device,
        test_devices.test_a_removal_and_a_new_browser_at_once_lose_neither,
    ],
)
async def test_browsers_that_race(desk: Desk, more: Callable[[], Instance], race: Race) -> None:
    await race(desk, more)


@pytest.fixture
async def post(chat: Instance) -> AsyncGenerator[Post]:
    async with a_push_server(chat.clock) as server:
        post = await Post(Street(chat), server).begin()
        yield post
        await post.service.close()


async def test_a_push(post: Post) -> None:
    await test_pushing.test_who_is_away_is_told_on_each_device_by_ids_alone(post)


async def test_a_browser_that_changed_hands(post: Post) -> None:
    await test_pushing.test_a_browser_that_changed_hands_tells_its_new_person_alone(post)
