"""docs/data-model.md says of each container what the code says."""

import re
from pathlib import Path

from domain.kernel.containers import CONTAINERS

PAGE = (Path(__file__).parents[2] / "docs" / "data-model.md").read_text("utf-8")


def rows() -> dict[str, list[str]]:
    """The table of containers: name -> cells."""
    lines = re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE.split("\n## ", maxsplit=1)[0], re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in lines}


def test_every_container_is_in_the_table_with_its_indexes() -> None:
    declared = {
        container.name: (
            list(container.indexed),
            [" ".join(pair) for pair in container.composites],
            list(container.swept),
        )
        for container in CONTAINERS
    }
    told = {
        name: (
            re.findall(r"`(\w+)`", cells[0]),
            [" ".join(pair) for pair in re.findall(r"\(`(\w+)`, `(\w+)`\)", cells[1])],
            re.findall(r"`(\w+)`", cells[2]),
        )
        for name, cells in rows().items()
    }
    assert told == declared


def test_every_container_has_a_section_and_every_order_can_be_used() -> None:
    for container in CONTAINERS:
        assert f"\n## {container.name}\n" in PAGE, container.name
        assert set(container.swept) <= set(container.indexed), container.name
