"""`/_dev/`: what was mailed, queued and connected, for the person at this machine. Exists only in the dev host.

Everything shown is escaped, and no script runs: the pages' Content-Security-Policy forbids all. Only requests that
name this machine are answered, so that a web site cannot read mails through a name of its own that leads here.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Final
from urllib.parse import urlsplit

from adapters.queues.sqlite import POISON
from devhost.mailbox import Mail, Mailbox
from devhost.queues import Consumed

_CSP: Final = "default-src 'none'; style-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
_MAIL_CSP: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-popups allow-top-navigation-by-user-activation"
)
_LINK: Final = re.compile(r"https?://[^\s<>\"]+")
_MOST_SHOWN: Final = 200
_NAVIGATION: Final = (
    '<nav><a href="/api/docs">API</a><a href="/api/readyz">Readiness</a><a href="/_dev/api/mail">Mail as JSON</a></nav>'
)
_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1b1b1b }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .3rem .6rem; vertical-align: top }
tr:nth-child(even) { background: #f4f4f4 } pre { white-space: pre-wrap; overflow-wrap: anywhere }
nav a { margin-right: 1rem }
"""

Connections = Callable[[], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    media_type: str
    body: str
    policy: str = _CSP
    """Its Content-Security-Policy."""
    headers: tuple[tuple[str, str], ...] = ()


def names_this_machine(host_header: str, serving: str) -> bool:
    """Whether a Host header says loopback, or the very *serving* address."""
    name = urlsplit(f"//{host_header}").hostname or ""
    return name in {"localhost", "127.0.0.1", "::1", serving}


class Pages:
    """*connections* lists the realtime service's open connections; *settings* are names, never values."""

    def __init__(self, mailbox: Mailbox, queue: Consumed, connections: Connections, settings: Iterable[str]) -> None:
        self._mailbox = mailbox
        self._queue = queue
        self._connections = connections
        self._settings = sorted(settings)

    async def answer(self, path: str) -> Answer:
        """What a GET of *path*, below `/_dev/`, answers."""
        if path.startswith("api/"):
            found = await self._data(path.removeprefix("api/"))
            return Answer(404, "application/json", "null") if found is None else _json(found)
        if path == "style.css":
            return Answer(200, "text/css; charset=utf-8", _STYLE)
        if path == "":
            return _page("Dev host", await self._overview())
        kind, _, name = path.partition("/")
        mail = self._mailbox.find(name.removesuffix("/html")) if kind == "mail" else None
        if mail is None:
            return _page("Nothing here", "<p>There is no such page.</p>", status=404)
        if name.endswith("/html"):
            return Answer(200, "text/html; charset=utf-8", mail.html, _MAIL_CSP)
        return _page(mail.subject, _mail(mail))

    async def _data(self, path: str) -> Any:
        kind, _, name = path.partition("/")
        match kind, name:
            case "mail", "":
                return [_mail_data(mail) for mail in self._mailbox.list()]
            case "mail", _:
                mail = self._mailbox.find(name)
                return None if mail is None else _mail_data(mail)
            case "queues", "":
                return await self._depths()
            case "realtime", "":
                return self._connections()
            case "settings", "":
                return self._settings
        return None

    async def _depths(self) -> list[dict[str, Any]]:
        depths = Counter(message.queue for message in await self._queue.peek(limit=100_000))
        names = {name.removesuffix(POISON) for name in depths}
        return [{"name": name, "waiting": depths[name], "poison": depths[name + POISON]} for name in sorted(names)]

    async def _overview(self) -> str:
        mails = [
            (f'<a href="/_dev/mail/{escape(mail.name)}">{escape(mail.subject)}</a>', escape(mail.to), escape(mail.date))
            for mail in reversed(self._mailbox.list(newest=_MOST_SHOWN))
        ]
        queues = [
            (escape(queue["name"]), str(queue["waiting"]), str(queue["poison"])) for queue in await self._depths()
        ]
        connections = [
            tuple(escape(str(connection.get(key, ""))) for key in ("hub", "user", "id", "groups"))
            for connection in self._connections()[:_MOST_SHOWN]
        ]
        return "".join(
            [
                _NAVIGATION,
                _table("Mail", ("Subject", "To", "Sent"), mails),
                _table("Queues", ("Name", "Waiting", "Poison"), queues),
                _table("Realtime connections", ("Hub", "User", "Connection", "Groups"), connections),
                _table("Settings in effect", ("Name",), [(escape(name),) for name in self._settings]),
            ]
        )


def _mail_data(mail: Mail) -> dict[str, Any]:
    return {**asdict(mail), "links": mail.links}


def _mail(mail: Mail) -> str:
    text = _LINK.sub(lambda link: f'<a href="{link[0]}" rel="noreferrer">{link[0]}</a>', escape(mail.text, quote=False))
    return (
        f"<p>From {escape(mail.sender)}<br>To {escape(mail.to)}<br>{escape(mail.date)}</p><pre>{text}</pre>"
        f'<nav><a href="/_dev/mail/{escape(mail.name)}/html">As HTML</a><a href="/_dev/">All mail</a></nav>'
    )


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return f"<h2>{title}</h2><p>None.</p>"
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<h2>{title}</h2><table><tr>{head}</tr>{body}</table>"


def _page(title: str, body: str, status: int = 200) -> Answer:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<link rel="stylesheet" href="/_dev/style.css"><h1>{escape(title)}</h1>{body}</html>'
    )
    return Answer(status, "text/html; charset=utf-8", text)


def _json(data: Any) -> Answer:
    return Answer(200, "application/json", json.dumps(data, ensure_ascii=False, indent=1))
