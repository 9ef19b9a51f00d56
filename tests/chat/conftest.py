from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from adapters.documents.sqlite import SqliteDocuments
from adapters.queues.sqlite import SqliteQueue
from domain.kernel.documents import DocumentStore
from tests.budget import CountingDocuments
from tests.chat.lounge import Instance, blobs_in
from tests.factories import ManualClock
from tests.world import RecordingRealtime


@pytest.fixture
async def documents(tmp_path: Path) -> AsyncGenerator[DocumentStore]:
    documents = SqliteDocuments(tmp_path / "documents.db")
    yield documents
    await documents.close()


@pytest.fixture
async def more(documents: DocumentStore, tmp_path: Path) -> AsyncGenerator[Callable[[], Instance]]:
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
