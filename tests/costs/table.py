"""docs/cost.md: the page around the figures, written from them and read back."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.costs.bench import SCENARIOS, Measured, weigh
from web.declaration import ENDPOINTS

PAGE: Final = Path(__file__).parents[2] / "docs" / "cost.md"
HEAD: Final = (
    "| request | store calls | RU | cache | realtime | queued | SQL | afterwards: store calls | RU | realtime | SQL |\n"
    "|---|---|--:|--:|--:|--:|--:|---|--:|--:|--:|\n"
)


def missing() -> list[str]:
    """Endpoints nobody has weighed yet."""
    return sorted(set(ENDPOINTS) - {endpoint for endpoint, _ in SCENARIOS})


def unknown() -> list[str]:
    """Scenarios of endpoints that are no more."""
    return sorted({endpoint for endpoint, _ in SCENARIOS} - set(ENDPOINTS))


async def measure_all() -> list[Measured]:
    """In the order of the page: by route, the usual case first."""
    keys = sorted(SCENARIOS, key=lambda key: (ENDPOINTS[key[0]].route, ENDPOINTS[key[0]].method, key[1]))
    return [await weigh(*key) for key in keys]


def title(endpoint: str, case: str) -> str:
    declared = ENDPOINTS[endpoint]
    return f"`{declared.method} /{declared.route}`" + (f", {case}" if case else "")


def row(measured: Measured) -> str:
    answer, after = measured.answer, measured.after
    cells = [
        title(measured.endpoint, measured.case),
        answer.calls(),
        answer.units(),
        *(str(count or "-") for count in (answer.cache, answer.realtime, answer.queue, answer.sql)),
        after.calls(),
        after.units(),
        *(str(count or "-") for count in (after.realtime, after.sql)),
    ]
    return f"| {' | '.join(cells)} |"


def with_rows(page: str, rows: Sequence[str]) -> str:
    """*page* with these rows in its table."""
    table = HEAD + "\n".join(rows) + "\n"
    before, found, _ = page.partition(HEAD)
    assert found, "docs/cost.md has lost its table"
    return before + table


def rows_of(page: str) -> dict[str, str]:
    """The table's rows by their titles."""
    rows = page.partition(HEAD)[2]
    return {match["title"]: match[0] for match in re.finditer(r"^\| (?P<title>`[^|]*?) \|.*\|$", rows, re.MULTILINE)}
