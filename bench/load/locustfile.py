"""A bounded load test of a running instance; docs/capacity.md tells how to run it. Needs locust and websocket-client.

Each simulated person has the chat open: they sign in, hold a socket, look around, and write now and then. The time
until the socket has heard a person's own message is told as `SOCKET message.new`, the answers as what was asked.
"""

import csv
import itertools
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import gevent
import websocket
from locust import HttpUser, between, events, task
from locust.env import Environment
from locust.exception import StopUser

MOST_PEOPLE: Final = 500
MOST_MESSAGES: Final = 20
"""That one person sends."""
MOST_SECONDS: Final = 14 * 60
"""An access token lasts 15 minutes, and nobody here gets another."""
HEARD_SECONDS: Final = 10
"""A message not heard by then is a failure."""


def read_people(path: Path) -> Iterator[dict[str, str]]:
    """`email,password,conversationId` a line; over and over, for more simulated people than accounts."""
    with path.open(encoding="utf-8", newline="") as lines:
        people = list(csv.DictReader(lines, fieldnames=("email", "password", "conversation_id")))
    if not people:
        raise SystemExit(f"{path} names nobody.")
    return itertools.cycle(people)


if "LOAD_PEOPLE" not in os.environ:
    raise SystemExit("LOAD_PEOPLE names the file of people: see docs/capacity.md.")
PEOPLE: Final = read_people(Path(os.environ["LOAD_PEOPLE"]))


@events.init.add_listener
def refuse_the_unbounded(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    if options is None:
        return
    if (options.num_users or 1) > MOST_PEOPLE:
        raise SystemExit(f"At most {MOST_PEOPLE} users: see docs/capacity.md.")
    if not options.headless:
        raise SystemExit("Only with --headless: a test that a page can prolong has no bounds.")
    if not options.run_time or options.run_time > MOST_SECONDS:
        raise SystemExit(f"Give --run-time, at most {MOST_SECONDS // 60}m: a load test ends.")


class Member(HttpUser):
    """Somebody with the chat open."""

    wait_time = between(5, 15)

    def on_start(self) -> None:
        person = next(PEOPLE)
        self.conversation = person["conversation_id"]
        self.left = MOST_MESSAGES
        self.unheard: dict[str, float] = {}
        body = {"email": person["email"], "password": person["password"]}
        self.client.headers["Authorization"] = f"Bearer {self.asked('/api/v1/auth/login', body)['accessToken']}"
        self.socket = websocket.create_connection(
            self.asked("/api/v1/chat/negotiate")["url"], subprotocols=["json.webpubsub.azure.v1"], timeout=HEARD_SECONDS
        )
        self.listening = gevent.spawn(self.listen)

    def on_stop(self) -> None:
        if hasattr(self, "listening"):
            gevent.sleep(1)  # what was written last may be on its way
            self.listening.kill()
            self.socket.close()
            for began in self.unheard.values():
                self.tell(began, "not heard")

    def asked(self, path: str, body: Any = None) -> Any:
        """What a POST answered. Somebody who cannot begin goes home."""
        with self.client.post(path, json=body, catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"{answer.status_code}: {answer.text[:200]}")
                raise StopUser
            return answer.json()

    def listen(self) -> None:
        """Hear the conversation until this person goes."""
        while True:
            try:
                frame = self.socket.recv()
            except websocket.WebSocketTimeoutException:
                continue
            except websocket.WebSocketException as error:
                self.tell(time.perf_counter(), str(error))
                return
            data = json.loads(frame).get("data") if frame else None
            if isinstance(data, dict) and data.get("event") == "message.new":
                began = self.unheard.pop(data["data"]["text"], None)
                if began is not None:
                    self.tell(began)

    def tell(self, began: float, failure: str = "") -> None:
        self.environment.events.request.fire(
            request_type="SOCKET",
            name="message.new",
            response_time=(time.perf_counter() - began) * 1000,
            response_length=0,
            exception=RuntimeError(failure) if failure else None,
            context={},
        )

    @task(4)
    def list_conversations(self) -> None:
        self.client.get("/api/v1/conversations")

    @task(4)
    def read_messages(self) -> None:
        self.client.get(f"/api/v1/conversations/{self.conversation}/messages", name="/conversations/{id}/messages")

    @task(2)
    def look_at_courses(self) -> None:
        self.client.get("/api/v1/courses")

    @task(3)
    def send_message(self) -> None:
        if not self.left:
            return
        self.left -= 1
        text = f"Load test, please ignore. {time.monotonic_ns()} {id(self)}"
        self.unheard[text] = time.perf_counter()
        path = f"/api/v1/conversations/{self.conversation}/messages"
        body = {"text": text, "clientMessageId": text[-40:]}
        with self.client.post(path, json=body, name="/conversations/{id}/messages", catch_response=True) as answer:
            if answer.status_code != 201:
                del self.unheard[text]
                answer.failure(f"{answer.status_code}: {answer.text[:200]}")
