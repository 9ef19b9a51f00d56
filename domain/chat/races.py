"""Changing what others change at the same time: read, judge, write on condition; and whoever lost begins anew."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from domain.chat.errors import ConversationBusy
from domain.kernel.documents import ItemNotFound, ItemStale

T = TypeVar("T")
RACES: Final = 12
"""Lost races before somebody is told to try again."""


async def until_won(attempt: Callable[[], Awaitable[T]]) -> T:
    """*attempt*, until nothing it relied on was written meanwhile. It reads anew each time.

    Raises ConversationBusy after twelve lost races, and whatever else *attempt* raises.
    """
    for _ in range(RACES):
        try:
            return await attempt()
        except (ItemStale, ItemNotFound):
            continue
    raise ConversationBusy(retry_after=1)
