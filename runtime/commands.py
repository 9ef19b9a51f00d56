"""The commands of `python -m runtime.admin`: each a coroutine over the parts, the same in any process."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from domain.kernel.accounts import Role
from domain.kernel.errors import DomainError
from runtime import sql
from runtime.parts import Parts
from runtime.services import Cosmos, is_local

CHECK_SECONDS: Final = 75.0
"""A serverless database takes a minute to wake."""


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
    """Ask everything that is configured, one line each. The settings were read, or we would not be here."""
    configured: dict[str, Callable[[], Any]] = {
        "documents": lambda: parts.documents,
        "sql": lambda: parts.sql,
        "cache": lambda: parts.cache,
        "blobs": lambda: parts.blobs,
        "queue": lambda: parts.queue,
        "keys": lambda: parts.keys,
        "mailer": lambda: parts.mailer,
    }
    if not all(is_local(host) for host in parts.settings.realtime.hosts):
        configured["realtime"] = lambda: parts.realtime  # the one on this machine runs with the dev host only
    if parts.settings.realtime.events is not None:
        configured["entra"] = lambda: parts.event_tokens
    if parts.settings.forms.challenge is not None:
        configured["challenge"] = lambda: parts.forms.challenge
    said = await asyncio.gather(*(_ask(name, part) for name, part in configured.items()))
    lines = "\n".join(line for _, line in said)
    if not all(up for up, _ in said):
        raise CommandFailed(lines)
    return lines


async def _ask(name: str, part: Callable[[], Any]) -> tuple[bool, str]:
    """*part* is built here, so one that cannot be built is a line, too."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await part().ping()
    except DomainError as error:
        cause = type(error.__cause__).__name__ if error.__cause__ else ""
        return False, f"{name}: {error.text} {cause}".strip()
    except TimeoutError:
        return False, f"{name}: no answer in {CHECK_SECONDS:.0f} s"
    except Exception as error:  # noqa: BLE001 - such as a driver that is not installed
        return False, f"{name}: {type(error).__name__}"
    return True, f"{name}: ok, {(time.perf_counter() - started) * 1000:.0f} ms"


async def migrate(parts: Parts, options: Mapping[str, str], text: str) -> str:  # noqa: ARG001 - a command's shape
    changed = False if sql.is_current(parts.settings) else await _migrate_sql(parts)
    await _make_containers(parts)
    return "the SQL schema was brought up to date" if changed else "the SQL schema is up to date"


async def _migrate_sql(parts: Parts) -> bool:
    from adapters.sql.schema import SchemaAhead

    try:
        return await sql.migrate(parts.sql)
    except SchemaAhead as error:
        raise CommandFailed(str(error)) from error


async def _make_containers(parts: Parts) -> None:
    """In an emulator of Cosmos DB. In Azure the deployment makes them, and our identity may not."""
    chosen = parts.settings.documents
    if isinstance(chosen, Cosmos) and chosen.key is not None:
        from adapters.documents.cosmos import CosmosDocuments

        if isinstance(parts.documents, CosmosDocuments):
            await parts.documents.ensure_containers()


async def sql_script(parts: Parts, options: Mapping[str, str], text: str) -> str:  # noqa: ARG001 - a command's shape
    """For whoever may change the schema of Azure SQL but runs nothing of ours."""
    from adapters.sql.schema import azure_script

    return await asyncio.to_thread(azure_script)


async def load_courses(parts: Parts, options: Mapping[str, str], text: str) -> str:  # noqa: ARG001 - a command's shape
    """Loading the same file again changes nothing."""
    from runtime.course_file import CourseFileFaulty
    from runtime.course_file import load_courses as load

    try:
        loaded = await load(parts, Path(options["file"]))
    except CourseFileFaulty as error:
        raise CommandFailed(str(error)) from error
    return f"{loaded.created} courses created, {loaded.changed} changed, {loaded.unchanged} as they were"


async def create_user(parts: Parts, options: Mapping[str, str], text: str) -> str:
    """A verified, active account; the password is the first line of standard input."""
    role = Role(options["role"])
    user_id = await parts.auth.appointing.create_user(options["email"], options["name"], role, text)
    return f"created {options['role']} {user_id}"


async def rotate_keys(parts: Parts, options: Mapping[str, str], text: str) -> str:  # noqa: ARG001 - a command's shape
    """One step of turning the signing keys over."""
    from adapters.secrets.key_ring import TooEarly, fresh_key, turn_over

    guards_for = parts.settings.tokens.refresh_ttl
    try:
        keys = await parts.keys.change(
            lambda ring: turn_over(ring, fresh_key(), parts.clock.now(), guards_for=guards_for)
        )
    except TooEarly as error:
        raise CommandFailed(str(error)) from error
    if keys.next is not None:
        return f"key {keys.next.kid} is published; run this again in ten minutes to sign with it"
    return f"key {keys.current.kid} signs from now on; what the last one signed stays good"


def _absolute(path: str) -> str:
    """The command may run in the dev host's process, which has a working directory of its own."""
    return str(Path(path).expanduser().resolve())


COMMANDS: dict[str, Command] = {
    "migrate": Command("bring the SQL schema up to date", migrate),
    "sql-script": Command("print all migrations as one T-SQL script", sql_script),
    "load-courses": Command(
        "load a catalogue: the courses in a JSON file, such as data/courses.json",
        load_courses,
        (Option("file", "where the courses are", _absolute, {"metavar": "FILE"}),),
    ),
    "create-user": Command(
        "create a verified, active account; the password is read from standard input",
        create_user,
        (
            Option("--email", "the address to sign in with", more={"required": True}),
            Option("--name", "the name others see", more={"required": True}),
            Option(
                "--role", "what the person may do", more={"choices": [role.value for role in Role], "default": "user"}
            ),
        ),
        reads_input=True,
    ),
    "rotate-keys": Command("turn the signing keys over, one step: publish the next key, or sign with it", rotate_keys),
    "check": Command("tell which settings are missing and what cannot be reached", check),
}
