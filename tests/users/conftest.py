from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.users.town import Town


@pytest.fixture
async def town(tmp_path: Path) -> AsyncGenerator[Town]:
    """A folder with accounts in it."""
    town = Town(tmp_path)
    yield town
    await town.close()
