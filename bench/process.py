"""What a server's process costs, as the kernel counts it (Linux)."""

import asyncio
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Costs(Protocol):
    """One process, or those that make up a service."""

    @property
    def cpu_seconds(self) -> float:
        """User and system time of all threads, to a hundredth."""
        raise NotImplementedError

    @property
    def pss_kilobytes(self) -> int:
        """The share of memory: pages that others map too are divided among them."""
        raise NotImplementedError


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


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask it to, and wait until it did. It may have ended already."""
    with suppress(ProcessLookupError):
        process.terminate()
    await process.wait()


@dataclass(frozen=True, slots=True)
class Family:
    """Some processes and all that descend from them, the ended ones too."""

    pids: tuple[int, ...]

    @property
    def cpu_seconds(self) -> float:
        return sum(_seconds(pid) for pid in self._members())

    @property
    def pss_kilobytes(self) -> int:
        return sum(Process(pid).pss_kilobytes for pid in self._members())

    def _members(self) -> list[int]:
        found: list[int] = []
        left = list(self.pids)
        while left:
            pid = left.pop()
            with suppress(OSError):  # ended between two looks: its parent has its time by now
                children = [(task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
                left += map(int, "".join(children).split())
                found.append(pid)
        return found


def _seconds(pid: int) -> float:
    """With those of the children it waited for."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / _TICKS
    return 0.0
