"""docs/dependencies.md says of each guard what the code says."""

import importlib
import re

import pytest

from adapters.resilience import LONGEST_REST_SECONDS, Limits
from tests.servers import ROOT

PAGE = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
ROWS = {
    path: [cell.strip() for cell in line.split("|")[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith("| ")
    for path in re.findall(r"^\|[^|]*\| `(adapters/[\w/]+\.py)`", line)
}
"""By adapter. The columns: dependency, adapter, times, pool = slots, retries, left alone after, when it is down."""
GUARDED = [
    str(path.relative_to(ROOT))
    for path in sorted((ROOT / "adapters").rglob("*.py"))
    if re.search(r"^GUARD: Final = Limits\(", path.read_text("utf-8"), re.MULTILINE)
]


@pytest.mark.parametrize("path", GUARDED)
def test_each_guard_is_in_the_table_with_its_numbers(path: str) -> None:
    limits: Limits = importlib.import_module(path.removesuffix(".py").replace("/", ".")).GUARD
    row = ROWS[path]
    slots, failures = row[3], row[5]
    assert limits.slots in _numbers(slots) or (limits.slots == 1 and "one" in slots), slots
    assert _numbers(failures)[:1] == [limits.failures], failures


def test_the_longest_rest_is_said() -> None:
    assert f"up to {LONGEST_REST_SECONDS:.0f} s" in PAGE


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]
