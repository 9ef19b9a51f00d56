"""Alerts that look for words of ours find them."""

import logging
import re
from typing import Any

import pytest

from adapters.resilience import Guard, Limits
from domain.kernel.errors import Unavailable
from tests.infra.template import BICEP, ROOT, plain, statements

PARSED = 'parse message with "circuit " service " " state ":" *'
"""In KQL: the text between the quoted pieces."""


async def test_the_alert_reads_what_a_guard_writes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    alert = alerts()["left-alone"]
    assert PARSED in alert["query"]
    assert [dimension["name"] for dimension in alert["dimensions"]] == ["service"]  # a parsed column
    states = [
        found["state"] for line in await lines_of_an_outage(caplog) if (found := parse(line))["service"] == "documents"
    ]
    assert states == ["open", "half_open", "open", "half_open", "closed"]
    assert states.count("open") < alert["threshold"]  # what passes in seconds wakes nobody


def test_the_operators_page_has_the_same_query() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    assert page.count(PARSED) == 2
    for name in alerts():
        assert f"| `{name}` |" in page


async def lines_of_an_outage(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Two failures, a failed probe, and an answer."""
    at = 0.0
    guard = Guard("documents", Limits(failures=2, rest=1.0), now=lambda: at)

    async def fail() -> None:
        with pytest.raises(Unavailable):
            async with guard.call():
                raise Unavailable

    await fail()
    await fail()
    at = 1.0
    await fail()
    at = 3.0
    async with guard.call():
        pass
    return [record.getMessage() for record in caplog.records]


def parse(line: str) -> dict[str, str]:
    """As the query does."""
    pieces = [re.escape(piece) for piece in re.findall(r'"([^"]*)"', PARSED)]
    found = re.fullmatch(f"{pieces[0]}(?P<service>.*?){pieces[1]}(?P<state>.*?){pieces[2]}.*", line)
    assert found is not None, line
    return found.groupdict()


def alerts() -> dict[str, dict[str, Any]]:
    nodes = statements(BICEP / "modules" / "alerts.bicep")
    listed = next(node.e for node in nodes if node.k == "var" and node.name == "logAlerts")
    return {each["name"]: each for each in plain(listed)}
