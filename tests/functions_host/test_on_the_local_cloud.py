"""The main job under Microsoft's runtime, over the services of `make services`: nothing of the dev host serves it."""

import asyncio
import base64
import json
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from devhost.mailbox import Mail
from domain.files.kinds import TXT
from tests.factories import an_environment
from tests.functions_host.environment import runtime
from tests.functions_host.extensions import extensions
from tests.local_cloud import Ports, local_cloud
from tests.main_job.people import SITE, Person, a_town
from tests.main_job.test_main_job import take_a_lesson, talk, write_to_us
from tests.process import run_module, wait_for_mails
from tests.servers import ROOT, Azurite, free_port, running

pytestmark = pytest.mark.servers

ACCESS_KEY = "k" * 44
HELLO = b"hello, world\n"
FIRED = {
    *("send_mail", "settle_sessions", "follow_chat", "take_verdict"),
    *("sweep_outbox", "publish_pending", "sweep_sql_outbox"),
}
"""By queues, and by timers."""


@dataclass(frozen=True)
class Served:
    """The app at *url*, its services at *ports*."""

    url: str
    data: Path
    ports: Ports
    settings: dict[str, str]

    @property
    def storage(self) -> str:
        return Azurite(self.ports.blob, self.ports.queue).connection_string

    async def wait_for_mails(self, to: str, count: int = 1) -> list[Mail]:
        return await wait_for_mails(self.data, to, count)

    async def admin(self, *arguments: str, text: str = "") -> tuple[int, str]:
        return await run_module("runtime.admin", *arguments, text=text, **self.settings)


@pytest.fixture(scope="module")
def served(deployed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """As docs/local-cloud.md has it for `func start`."""
    made, data, ports = runtime(), tmp_path_factory.mktemp("cloud"), Ports.free()
    port, realtime = free_port(), free_port()
    url = f"http://localhost:{port}"
    settings = an_environment(
        data,
        APP_API_URL=url,
        APP_WEB_PUBSUB_CONNECTION_STRING=f"Endpoint=http://localhost:{realtime};AccessKey={ACCESS_KEY};Version=1.0;",
        **ports.settings(),
    )
    with ExitStack() as stack:
        stack.enter_context(local_cloud(data, ports))
        service = [sys.executable, "-m", "devhost.webpubsub", "--port", str(realtime), "--access-key", ACCESS_KEY]
        service += ["--hub", "mackchat", "--event-handler", f"{url}/api/v1/chat/events"]
        stack.enter_context(running(service, ready="Web PubSub on", port=realtime, env={"PYTHONPATH": str(ROOT)}))
        status, said = asyncio.run(run_module("runtime.admin", "migrate", **settings))
        assert status == 0, said
        served = Served(url, data, ports, settings)
        env = {**made.environment(), **settings, "AzureWebJobsStorage": served.storage}
        command = [str(made.python), "-P", "-m", "tests.functions_host.host", str(deployed), "--port", str(port)]
        stack.enter_context(running(command, env=env, seconds=60))
        yield served


@pytest.fixture
async def fired(served: Served) -> AsyncGenerator[set[str]]:
    """The functions that queues and timers have fired so far; none may fail."""
    async with extensions(served.url, served.storage) as made:
        yield made.fired
        assert made.drain.failures == []


@pytest.mark.timeout(240)
async def test_two_people_learn_write_to_us_talk_and_share_a_file(served: Served, fired: set[str]) -> None:
    loaded = await served.admin("load-courses", str(ROOT / "data" / "courses.json"))
    assert loaded[0] == 0, loaded
    async with a_town(served) as town:
        ada, bob = await town.sign_up("Ada"), await town.sign_up("Bob")
        await ada.call("GET", "/users/me/progress", 403)  # the e-mail comes first: through the queue, from Azurite
        await ada.confirm_email()
        await bob.confirm_email()
        await take_a_lesson(ada)
        await write_to_us(town)
        await talk(ada, bob)
        await share_a_file(ada)
        await send_as_event_grid(served)
        ready = (await ada.client.get("/api/readyz")).json()
        assert ready["status"] == "ready"
        guarded = {name for name, each in ready["dependencies"].items() if each.get("circuit") == "closed"}
        assert guarded == {"documents", "cache", "blobs", "queue", "mail", "realtime"}
        await ada.call("POST", "/auth/logout-all", 200)
        await ada.call("GET", "/users/me", 401)
    status, said = await served.admin("check")
    assert status == 0, said
    async with asyncio.timeout(40):
        while not fired >= FIRED:  # noqa: ASYNC110 - timers come round when they do, the slowest every 15 s
            await asyncio.sleep(0.1)
    assert not (served.data / "documents.db").exists()  # nothing is embedded that is configured
    assert not (served.data / "queues.db").exists()


async def test_a_message_that_no_function_can_read_ends_in_the_poison_queue(served: Served) -> None:
    """After five tries of Microsoft's worker."""
    async with (
        extensions(served.url, served.storage, shown_again_after=timedelta()) as made,
        QueueServiceClient.from_connection_string(served.storage) as service,
    ):
        queue = service.get_queue_client("scans")
        with suppress(ResourceExistsError):
            await queue.create_queue()
        await queue.send_message("neither JSON nor base64")
        poison = service.get_queue_client("scans-poison")
        async with asyncio.timeout(20):
            while not (found := await peek(poison)):  # noqa: ASYNC110 - Azurite tells nobody
                await asyncio.sleep(0.1)
        assert found == ["neither JSON nor base64"]
        assert len(made.drain.failures) == 5


async def peek(queue: QueueClient) -> list[str]:
    try:
        return [str(message.content) for message in await queue.peek_messages()]
    except ResourceNotFoundError:  # the first poison makes it
        return []


async def send_as_event_grid(served: Served) -> None:
    """An event in base64, which is not ours to act on: whether it is understood is what counts."""
    event = base64.b64encode(json.dumps({"eventType": "Microsoft.Storage.BlobCreated", "data": {}}).encode()).decode()
    async with QueueServiceClient.from_connection_string(served.storage) as service:
        queue = service.get_queue_client("scans")
        with suppress(ResourceExistsError):
            await queue.create_queue()
        await queue.send_message(event)


async def share_a_file(person: Person) -> None:
    """Straight to Azurite, by the URL that the app signed."""
    body = {"fileName": "hello.txt", "fileType": TXT, "fileSize": len(HELLO), "category": "document"}
    ticket = await person.call("POST", "/files/upload-url", 200, json=body)
    async with httpx.AsyncClient() as storage:
        asked = {"Origin": SITE, "Access-Control-Request-Method": ticket["method"]}
        asked["Access-Control-Request-Headers"] = ",".join(name.lower() for name in ticket["headers"])
        allowed = await storage.options(ticket["uploadUrl"], headers=asked)  # as a browser does
        assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (200, SITE)
        sent = await storage.request(ticket["method"], ticket["uploadUrl"], content=HELLO, headers=ticket["headers"])
        assert sent.status_code == 201, sent.text
        done = await person.call("POST", "/files/complete", 200, json={"fileId": ticket["fileId"]})
        assert (await storage.get(done["url"])).content == HELLO
