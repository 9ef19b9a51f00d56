"""Rules about the code base."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_folder_of_the_house_can_be_imported() -> None:
    for name in ("adapters", "blueprints", "devhost", "domain", "runtime", "web"):
        assert importlib.util.find_spec(name) is not None, name
