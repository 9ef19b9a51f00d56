"""`python -m runtime.admin COMMAND`: what an operator does, in whatever stores the settings name.

The embedded stores belong to one process. Where the dev host is running over the folder `DEVHOST_DATA`, the command
is handed to it, and does the same there. Exit status 0, or 1 with one clear line.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from getpass import getpass
from pathlib import Path
from typing import NoReturn

from adapters.documents.lock import StoreUnusable
from domain.kernel.errors import DomainError
from runtime.commands import COMMANDS, CommandFailed
from runtime.control import ask_holder
from runtime.data_folder import DataFolder, FolderHeld, find_holder
from runtime.development import LocalSettingsFaulty, fill_in, read_local_settings
from runtime.environment import SettingsFaulty
from runtime.parts import Parts
from runtime.settings import Settings


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CommandFailed(message)


def read_command(arguments: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The command's name and its options. Raises CommandFailed."""
    parser = _Parser(prog="python -m runtime.admin", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.help, allow_abbrev=False)
        for option in command.options:
            sub.add_argument(option.flag, help=option.help, type=option.read, **option.more)
    given = vars(parser.parse_args(arguments))
    return given.pop("command"), {key: str(value) for key, value in given.items() if value is not None}


async def run(parts: Parts, command: str, options: Mapping[str, str], text: str) -> tuple[int, str]:
    """Exit status and what to print. *text* is the command's standard input."""
    try:
        return 0, await COMMANDS[command].run(parts, options, text)
    except KeyError:
        return 1, f"there is no command {command}"
    except CommandFailed as error:
        return 1, str(error)
    except DomainError as error:
        faults = "; ".join(f"{fault.path}: {fault.message}" for fault in error.faults)
        return 1, faults or error.text


async def run_alone(settings: Settings, command: str, options: Mapping[str, str], text: str) -> tuple[int, str]:
    """The same in a process of its own."""
    parts = Parts(settings)
    try:
        return await run(parts, command, options, text)
    finally:
        await parts.close()


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Returns the exit status."""
    try:
        command, options = read_command(arguments)
        text = _read_input() if COMMANDS[command].reads_input else ""
        given = {**read_local_settings(), **env}
        status, output = _run_where_the_stores_are(given, command, options, text)
    except (CommandFailed, FolderHeld, LocalSettingsFaulty, SettingsFaulty, StoreUnusable) as error:
        status, output = 1, str(error)
    print(output, file=sys.stderr if status else sys.stdout)
    return status


def _read_input() -> str:
    """The first line of standard input; not shown where a person types it."""
    if sys.stdin.isatty():
        return getpass("Password: ")
    return sys.stdin.readline().rstrip("\r\n")


def _run_where_the_stores_are(
    given: Mapping[str, str], command: str, options: Mapping[str, str], text: str
) -> tuple[int, str]:
    if not given.get("DEVHOST_DATA") or given.get("APP_ENV") == "production":
        return asyncio.run(run_alone(Settings.read(given), command, options, text))
    data = Path(given["DEVHOST_DATA"]).expanduser().resolve()
    holder = find_holder(data)
    if holder is not None:
        return ask_holder(holder, command, options, text)
    folder = DataFolder.take(data)
    try:
        return asyncio.run(run_alone(Settings.read(fill_in(given, data)), command, options, text))
    finally:
        folder.release()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
