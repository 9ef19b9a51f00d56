from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.servers import ROOT, Azurite, Server, azurite_server, node_server, redis_server
from tests.world import World, a_world

settings.register_profile("house", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("house")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World]:
    """The application in a fresh folder. `tests/world.py` says what it can do."""
    async with a_world(tmp_path) as world:
        yield world


@pytest.fixture(scope="session")
def cosmos_emulator() -> Iterator[Server]:
    """Cosmos DB's protocol on loopback; `tests/cosmos_emulator/server.cjs` says how to make it fail."""
    with node_server(ROOT / "tests" / "cosmos_emulator" / "server.cjs") as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[Server]:
    """Redis on loopback. Tests share it: each uses keys of its own."""
    with redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Azure Storage on loopback. Tests share it: each uses names of its own."""
    with azurite_server() as server:
        yield server
