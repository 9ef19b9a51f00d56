"""The passwords that everybody tries first."""

from functools import cached_property
from importlib.resources import files


class CommonPasswordList:
    """`common.txt` beside this file: one lower-case password a line. Read at the first question."""

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(files(__package__).joinpath("common.txt").read_text("utf-8").split())

    def is_common(self, password: str) -> bool:
        return password in self._known
