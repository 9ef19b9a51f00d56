"""`python -m infra.scripts.smoke API_URL SITE_URL`: whether what was deployed answers as it should. Changes nothing.

One line for each check; exit status 1 if one failed. A database that sleeps is given two minutes to wake up.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Any, Final

SECONDS: Final = 30
WAKE_SECONDS: Final = 120
STRANGER: Final = "https://stranger.example"


class Wrong(Exception):
    """What is not as it should be."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            raise Wrong(f"{self.status}, and not JSON") from None


@dataclass(frozen=True, slots=True)
class Target:
    api: str
    site: str
    wake_seconds: float = WAKE_SECONDS

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Header names are written with underscores. Raises Wrong when nobody answers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.api}/api/{path}", method=method, headers=named)  # noqa: S310 - checked in main
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as reply:  # noqa: S310 - the same
                return Answer(reply.status, reply.headers, reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())
        except OSError as error:
            raise Wrong(f"no answer: {error}") from None


def is_up(target: Target) -> str:
    answer = target.ask("healthz")
    _expect(answer.status == 200, f"{answer.status}")  # noqa: PLR2004 - statuses read best as themselves
    return f"release {target.ask('version').json().get('version')}"


def is_ready(target: Target) -> str:
    until = time.monotonic() + target.wake_seconds
    while True:
        answer = target.ask("readyz")
        if answer.status == 200:  # noqa: PLR2004
            return str(answer.json()["status"])
        if time.monotonic() >= until:
            found = answer.json().get("dependencies", {})
            raise Wrong("down: " + ", ".join(name for name, each in found.items() if each.get("status") != "up"))
        time.sleep(5)


def strangers_stay_out(target: Target) -> str:
    answer = target.ask("v1/users/me")
    _expect((answer.status, answer.json()["error"]["code"]) == (401, "missing_token"), f"{answer.status}")
    answer = target.ask("v1/chat/events", "POST", Content_Type="application/json")
    _expect(400 <= answer.status < 500, f"an unsigned event got {answer.status}")  # noqa: PLR2004
    return "an anonymous request and an unsigned event were refused"


def the_site_may_call(target: Target) -> str:
    wanted = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type"}
    allowed = target.ask("v1/auth/login", "OPTIONS", Origin=target.site, **wanted).headers
    _expect(allowed.get("Access-Control-Allow-Origin") == target.site, f"{target.site} is not allowed")
    _expect(allowed.get("Access-Control-Allow-Credentials") == "true", "cookies are not allowed")
    refused = target.ask("v1/auth/login", "OPTIONS", Origin=STRANGER, **wanted).headers
    _expect(refused.get("Access-Control-Allow-Origin") is None, "any origin is allowed")
    return f"{target.site}, and no other"


def browsers_are_told(target: Target) -> str:
    headers = target.ask("healthz").headers
    _expect(headers.get("X-Content-Type-Options") == "nosniff", "no X-Content-Type-Options")
    if target.api.startswith("https:"):
        _expect(headers.get("Strict-Transport-Security") is not None, "no Strict-Transport-Security")
    return "security headers are there"


CHECKS: Final[tuple[Callable[[Target], str], ...]] = (
    is_up,
    is_ready,
    strangers_stay_out,
    the_site_may_call,
    browsers_are_told,
)


def run(target: Target) -> tuple[int, list[str]]:
    """The exit status, and a line for each check."""
    lines, status = [], 0
    for check in CHECKS:
        try:
            lines.append(f"ok     {check.__name__}: {check(target)}")
        except (Wrong, KeyError, TypeError) as error:
            lines.append(f"FAILED {check.__name__}: {error}")
            status = 1
    return status, lines


def _expect(condition: bool, otherwise: str) -> None:  # noqa: FBT001 - an assertion's shape
    if not condition:
        raise Wrong(otherwise)


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    if len(arguments) != 2 or not all(url.startswith(("https://", "http://")) for url in arguments):  # noqa: PLR2004
        print("usage: python -m infra.scripts.smoke API_URL SITE_URL", file=sys.stderr)
        return 1
    api, site = (url.rstrip("/") for url in arguments)
    status, lines = run(Target(api, site))
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
