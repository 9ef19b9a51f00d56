"""A bounded load test of a deployed instance; docs/capacity.md tells how to run it. Needs locust, which is not ours."""

import csv
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from locust import HttpUser, between, events, task
from locust.env import Environment
from locust.exception import StopUser

MOST_PEOPLE: Final = 500
MOST_MESSAGES: Final = 20
"""That one person sends."""


def read_people(path: Path) -> Iterator[dict[str, str]]:
    """`email,password,conversationId` a line; over and over, for more simulated people than accounts."""
    with path.open(encoding="utf-8", newline="") as lines:
        people = list(csv.DictReader(lines, fieldnames=("email", "password", "conversation_id")))
    return itertools.cycle(people)


PEOPLE: Final = read_people(Path(os.environ["LOAD_PEOPLE"]))


@events.init.add_listener
def refuse_the_unbounded(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    if options is None:
        return
    if (options.num_users or 1) > MOST_PEOPLE:
        raise SystemExit(f"At most {MOST_PEOPLE} users: see docs/capacity.md.")
    if options.headless and not options.run_time:
        raise SystemExit("Give --run-time: a load test ends.")


class Member(HttpUser):
    """Somebody with the chat open."""

    wait_time = between(5, 15)

    def on_start(self) -> None:
        person = next(PEOPLE)
        self.conversation = person["conversation_id"]
        self.left = MOST_MESSAGES
        body = {"email": person["email"], "password": person["password"]}
        with self.client.post("/api/v1/auth/login", json=body, catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"sign-in: {answer.status_code}")
                raise StopUser
            self.client.headers["Authorization"] = f"Bearer {answer.json()['accessToken']}"

    @task(4)
    def list_conversations(self) -> None:
        self.client.get("/api/v1/conversations")

    @task(4)
    def read_messages(self) -> None:
        self.client.get(f"/api/v1/conversations/{self.conversation}/messages", name="/conversations/{id}/messages")

    @task(2)
    def look_at_courses(self) -> None:
        self.client.get("/api/v1/courses")

    @task(1)
    def send_message(self) -> None:
        if self.left:
            self.left -= 1
            path = f"/api/v1/conversations/{self.conversation}/messages"
            self.client.post(path, json={"text": "Load test, please ignore."}, name="/conversations/{id}/messages")
