"""The commands of `python -m runtime.admin`: each a coroutine over the parts, the same in any process."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.kernel.errors import DomainError
from runtime.parts import Parts


class CommandFailed(Exception):
    """One clear line for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Option:
    """*flag* and *more* are argparse's words."""

    flag: str
    help: str
    read: Callable[[str], Any] = str
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """*run* takes the options by name and the first line of standard input, and returns what to print.

    Raises CommandFailed, DomainError.
    """

    help: str
    run: Callable[[Parts, Mapping[str, str], str], Awaitable[str]]
    options: tuple[Option, ...] = ()
    reads_input: bool = False


async def check(parts: Parts, options: Mapping[str, str], text: str) -> str:  # noqa: ARG001 - a command's shape
    """Ask everything that is configured. The settings themselves were read, or we would not be here."""
    lines, away = [], []
    for name in ("documents", "queue", "mailer"):
        started = time.perf_counter()
        try:
            await getattr(parts, name).ping()
        except DomainError as error:
            away.append(f"{name}: {error.text}")
        else:
            lines.append(f"{name}: ok, {(time.perf_counter() - started) * 1000:.0f} ms")
    if away:
        raise CommandFailed("; ".join(away))
    return "\n".join(lines)


COMMANDS: dict[str, Command] = {
    "check": Command("tell which settings are missing and what cannot be reached", check),
}
