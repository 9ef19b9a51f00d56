"""What a server's process costs, as the kernel counts it (Linux)."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """By its id. Its children are not counted."""

    pid: int

    @property
    def cpu_seconds(self) -> float:
        """User and system time of all its threads, to a hundredth."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def pss_kilobytes(self) -> int:
        """Its share of memory: pages that others map too are divided among them."""
        found = re.search(r"^Pss: +(\d+)", Path(f"/proc/{self.pid}/smaps_rollup").read_text(), re.MULTILINE)
        return int(found[1]) if found else 0

    @property
    def child(self) -> "Process":
        """Its only child."""
        [child] = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return Process(int(child))
