"""Nobody adds an endpoint without knowing what it costs."""

import tests.costs.scenarios  # noqa: F401 - fills SCENARIOS
from tests.costs import table


def test_every_endpoint_has_been_weighed() -> None:
    hint = "add a function of that name to tests/costs/scenarios/ (tests/costs/bench.py shows how), then `make golden`"
    assert table.missing() == [], hint
    assert table.unknown() == []
