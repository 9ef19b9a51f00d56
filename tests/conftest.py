from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.world import World, a_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World]:
    """The application in a fresh folder. `tests/world.py` says what it can do."""
    async with a_world(tmp_path) as world:
        yield world
