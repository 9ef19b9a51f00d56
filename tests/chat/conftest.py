from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.documents.cosmos import CosmosDocuments
from adapters.documents.sqlite import SqliteDocuments
from adapters.queues.sqlite import SqliteQueue
from domain.kernel.documents import DocumentStore
from tests.budget import CountingDocuments
from tests.chat.lounge import Instance, blobs_in
from tests.factories import ManualClock
from tests.servers import Server
from tests.world import RecordingRealtime


async def _cosmos(server: Server) -> CosmosDocuments:
    documents = CosmosDocuments(server.url, f"db-{uuid4()}", key="a2V5")
    await documents.ensure_containers()
    return documents


@pytest.fixture(params=["sqlite", pytest.param("cosmos", marks=pytest.mark.servers)])
async def documents(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[DocumentStore]:
    """What chat does it does over both stores."""
    opened: DocumentStore
    if request.param == "sqlite":
        opened = SqliteDocuments(tmp_path / "documents.db")
    else:
        opened = await _cosmos(request.getfixturevalue("cosmos_emulator"))
    yield opened
    await opened.close()


@pytest.fixture
async def more(tmp_path: Path, documents: DocumentStore) -> AsyncGenerator[Callable[[], Instance]]:
    """Makes instances over the same stores and the same realtime service."""
    clock = ManualClock()
    queue = SqliteQueue(tmp_path / "queues.db", clock)
    realtime = RecordingRealtime()
    blobs = blobs_in(tmp_path, clock)
    made: list[Instance] = []

    def make() -> Instance:
        made.append(Instance(CountingDocuments(documents), realtime, blobs, clock, queue))
        return made[-1]

    yield make
    for instance in made:
        await instance.sending.settle()
    await queue.close()


@pytest.fixture
def chat(more: Callable[[], Instance]) -> Instance:
    return more()
