"""Which stories are told, and how a failing one is made short."""

import os
import random
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

MOST_RUNS: Final = 12
"""Of a failing story, to find how short it may be."""


def seeds(fixed: int) -> list[str]:
    """`MODEL_SEED` alone where it is set; else *fixed* ones of always, so that a change is judged by the same stories
    as the last one, and as many new ones as `MODEL_STORIES` says.
    """
    given = os.environ.get("MODEL_SEED")
    if given:
        return [given]
    more = int(os.environ.get("MODEL_STORIES", "0"))
    fresh = random.SystemRandom()
    return [*(f"{n}" for n in range(fixed)), *(f"{fresh.getrandbits(40):x}" for _ in range(more))]


def steps(usual: int) -> int:
    """How long a story is: `MODEL_STEPS`, or *usual*."""
    return int(os.environ.get("MODEL_STEPS", str(usual)))


async def tell(seed: str, most: int, story: Callable[[str, int], Awaitable[None]]) -> None:
    """Tell a story of *most* steps. One that fails is told shorter, as long as it fails, and named with its seed."""
    try:
        await story(seed, most)
    except Exception as error:  # noqa: BLE001 - whatever it was, it is made short and shown
        failing, failure = most, error
    else:
        return
    passing = 0
    for _ in range(MOST_RUNS):
        if failing - passing <= 1:
            break
        middle = (failing + passing) // 2
        try:
            await story(seed, middle)
        except Exception as error:  # noqa: BLE001 - as above
            failing, failure = middle, error
        else:
            passing = middle
    name = f"MODEL_SEED={seed} MODEL_STEPS={failing}"
    raise AssertionError(f"the story fails: {name} tells it again") from failure


def pytest_ids(fixed: int) -> pytest.MarkDecorator:
    """Parametrises *seed*."""
    return pytest.mark.parametrize("seed", seeds(fixed))
