from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.http.lab import Lab, a_lab


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncGenerator[Lab]:
    """The edge around the endpoints of `tests/http/lab.py`."""
    async with a_lab(tmp_path) as lab:
        yield lab
