"""What the tests of event handlers share."""

from collections.abc import AsyncGenerator

import pytest

from tests.webpubsub.world import Handler, Place, event_handler, handled_by, place


@pytest.fixture
async def handler() -> AsyncGenerator[Handler]:
    async with event_handler() as made:
        yield made


@pytest.fixture
async def heard(handler: Handler) -> AsyncGenerator[Place]:
    """A service whose events *handler* hears, tried again without long pauses."""
    async with place(handled_by(handler)) as made:
        made.service.upstream.pauses = (0.01, 0.01, 0.01)
        yield made
