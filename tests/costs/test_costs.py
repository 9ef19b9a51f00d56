"""docs/cost.md says what every endpoint costs."""

import pytest

import tests.costs.scenarios  # noqa: F401 - fills SCENARIOS
from tests.costs import table
from tests.costs.bench import SCENARIOS, weigh


@pytest.mark.parametrize(("endpoint", "case"), sorted(SCENARIOS))
async def test_it_costs_what_the_table_says(endpoint: str, case: str) -> None:
    row = table.row(await weigh(endpoint, case))
    told = table.rows_of(table.PAGE.read_text("utf-8")).get(table.title(endpoint, case))
    if row != told:
        pytest.fail(
            f"docs/cost.md says otherwise. If you mean it: `make golden`, and read the diff.\ntold {told}\nnow  {row}",
            pytrace=False,
        )


def test_the_table_has_no_other_rows() -> None:
    assert set(table.rows_of(table.PAGE.read_text("utf-8"))) == {table.title(*key) for key in SCENARIOS}
