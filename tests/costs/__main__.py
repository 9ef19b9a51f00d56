"""`python -m tests.costs`: weigh every endpoint, and write docs/cost.md. Its diff is what a change costs."""

import asyncio
import sys

import tests.costs.scenarios  # noqa: F401 - fills SCENARIOS
from tests.costs import table


async def main() -> int:
    """0 when every endpoint has a scenario."""
    rows = [table.row(measured) for measured in await table.measure_all()]
    table.PAGE.write_text(table.with_rows(table.PAGE.read_text("utf-8"), rows), encoding="utf-8")
    for name in table.missing():
        sys.stderr.write(f"{name} has no scenario: add one to tests/costs/scenarios/\n")
    return 1 if table.missing() else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
