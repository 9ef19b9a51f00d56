"""Makes the people of a load test, in pairs that share a conversation; prints `email,password,conversationId` lines.

    python bench/load/people.py 20 http://localhost:7071 > people.csv
    python bench/load/people.py 20 https://API --admin "python -m infra.scripts.admin GROUP" > people.csv

Accounts are made by `runtime.admin create-user`, so this runs with the instance's own settings. Their addresses are
below `load.example`, which gets no mail; each has a password of its own, which is nowhere else. Needs nothing that is
not Python's.
"""

import argparse
import json
import secrets
import shlex
import subprocess
import sys
import urllib.request
from typing import Any, Final

MOST: Final = 500


def call(url: str, body: dict[str, Any], token: str = "") -> Any:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    asked = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - the operator's own address
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def make(admin: list[str], run: str, number: int) -> tuple[str, str]:
    """An account: its address and password."""
    email, password = f"{run}-{number}@load.example", secrets.token_urlsafe(18)
    command = [*admin, "create-user", "--email", email, "--name", f"Load {number}", "--role", "user"]
    subprocess.run(command, input=f"{password}\n", text=True, check=True, stdout=sys.stderr)  # noqa: S603
    return email, password


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int)
    parser.add_argument("url")
    parser.add_argument("--admin", default=f"{sys.executable} -m runtime.admin")
    given = parser.parse_args()
    if not 2 <= given.count <= MOST or given.count % 2:
        parser.error(f"people come in pairs, {MOST} at most")
    run, api = f"load-{secrets.token_hex(4)}", f"{given.url.rstrip('/')}/api/v1"
    for number in range(0, given.count, 2):
        pair = [make(shlex.split(given.admin), run, number + place) for place in (0, 1)]
        signed_in = [call(f"{api}/auth/login", {"email": email, "password": word}) for email, word in pair]
        others = {"type": "direct", "participantIds": [signed_in[1]["user"]["id"]]}
        room = call(f"{api}/conversations", others, signed_in[0]["accessToken"])["id"]
        for email, password in pair:
            print(f"{email},{password},{room}", flush=True)


if __name__ == "__main__":
    main()
