from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.documents.cosmos import CosmosDocuments
from tests.faults.proxy import Proxy
from tests.servers import Server
from tests.world import World, a_world


@pytest.fixture
async def cosmos(cosmos_emulator: Server) -> AsyncGenerator[Proxy]:
    """The way to Cosmos DB."""
    async with Proxy.before(cosmos_emulator.port) as way:
        yield way


@pytest.fixture
async def cloud(cosmos: Proxy, cosmos_emulator: Server, tmp_path: Path) -> AsyncGenerator[World]:
    """The application over Cosmos DB's protocol, by way of the proxy `cosmos`."""
    database = f"db-{uuid4()}"
    made = CosmosDocuments(cosmos_emulator.url, database, key="a2V5")
    await made.ensure_containers()
    await made.close()
    settings = {"APP_COSMOS_ENDPOINT": cosmos.url, "APP_COSMOS_KEY": "a2V5", "APP_COSMOS_DATABASE": database}
    async with a_world(tmp_path, **settings) as world:
        yield world
