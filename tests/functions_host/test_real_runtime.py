"""The app as Azure would run it: deployed files only, indexed and served by Microsoft's own worker code."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

import function_app
from devhost.functions import functions_of
from devhost.mailbox import Mailbox

pytestmark = pytest.mark.servers


def test_every_function_is_indexed_and_the_host_takes_it(client: httpx.Client) -> None:
    said = client.get("/__host/functions").json()
    assert said["errors"] == []
    assert {function["name"] for function in said["functions"]} == {f.name for f in functions_of(function_app.app)}


def test_the_app_is_imported_inside_the_workers_running_loop(client: httpx.Client) -> None:
    reply = client.get("/api/healthz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("PUT", "/api/healthz", 405, "method_not_allowed"),
        ("GET", "/api/v1/nowhere", 404, "not_found"),
        ("DELETE", "/api/v1/nowhere/a%2Fb", 404, "not_found"),
    ],
)
def test_wrong_methods_and_unknown_routes_get_our_envelope(
    client: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    reply = client.request(method, path)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert reply.json()["error"]["requestId"] == reply.headers["x-request-id"]


def test_a_timer_fires(client: httpx.Client) -> None:
    assert client.post("/__host/fire/sweep_outbox").json() == {"status": "Success", "returned": None}


def test_a_queue_function_fires_and_mails(client: httpx.Client, data: Path) -> None:
    """What a sign-up put on the queue, handed to the function as the queue extension does."""
    bob = {"email": "bob@people.example", "password": "correct horse battery staple", "name": "Bob"}
    assert client.post("/api/v1/auth/signup", json=bob).status_code == 201
    with closing(sqlite3.connect(data / "queues.db")) as queues:
        waiting = queues.execute("SELECT body FROM messages WHERE queue = 'mail' ORDER BY seq DESC").fetchone()
    fired = client.post("/__host/fire/send_mail", json={"payload": json.loads(waiting[0])})
    assert fired.json() == {"status": "Success", "returned": None}
    assert [mail.subject for mail in Mailbox(data / "mail").list() if mail.to == bob["email"]]


def test_a_queue_function_that_fails_tells_the_host(client: httpx.Client) -> None:
    fired = client.post("/__host/fire/send_mail", json={"payload": {"unheard": "of"}, "tries": 5})
    assert fired.json()["status"] == "Failure"


def test_nothing_that_is_not_deployed_is_needed(deployed: Path) -> None:
    assert not (deployed / "tests").exists()
    assert not (deployed / "devhost").exists()
    assert (deployed / "requirements.txt").exists()
