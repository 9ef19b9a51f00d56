from pathlib import Path

import httpx
import pytest

import function_app
from adapters.queues.sqlite import SqliteQueue
from devhost.asgi import HttpTriggers
from devhost.front import Front
from devhost.mailbox import Mailbox
from devhost.pages import Pages
from domain.kernel.mail import MailMessage
from tests.world import World

EVIL = "<script>alert('x')</script>"


@pytest.fixture
def client(world: World) -> httpx.AsyncClient:
    def connections() -> list[dict[str, str]]:
        return [{"hub": "mackchat", "user": EVIL, "id": "c"}]

    async def administer(*command: object) -> tuple[int, str]:
        return 0, repr(command)

    queue = world.parts.queue
    assert isinstance(queue, SqliteQueue)
    pages = Pages(Mailbox(world.data / "mail"), queue, connections, ["APP_API_URL"])
    front = Front(HttpTriggers(function_app.app), pages, administer, secret="s" * 43, serving="127.0.0.1")
    return httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url="http://localhost:7071")


async def a_mail(world: World) -> str:
    message = MailMessage(
        "<1@tools.example>",
        "ada@people.example",
        f"Hello {EVIL}",
        f"{EVIL} open https://tools.example/verify?token=a&b=c now",
        "<p>Hello</p>",
    )
    await world.parts.mailer.send(message)
    return Mailbox(world.data / "mail").list()[-1].name


async def test_what_was_mailed_queued_and_connected_is_shown_escaped(world: World, client: httpx.AsyncClient) -> None:
    name = await a_mail(world)
    await world.parts.queue.send("mail-poison", {"n": 1})
    page = await client.get("/_dev/")
    assert page.status_code == 200
    assert f'href="/_dev/mail/{name}"' in page.text
    assert "<td>mail</td><td>0</td><td>1</td>" in page.text
    assert "APP_API_URL" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


async def test_a_mails_links_can_be_followed(world: World, client: httpx.AsyncClient) -> None:
    name = await a_mail(world)
    page = await client.get(f"/_dev/mail/{name}")
    assert '<a href="https://tools.example/verify?token=a&amp;b=c" rel="noreferrer">' in page.text
    assert "<script" not in page.text
    html = await client.get(f"/_dev/mail/{name}/html")
    assert html.text.strip() == "<p>Hello</p>"
    assert "sandbox" in html.headers["content-security-policy"]


async def test_the_same_as_json(world: World, client: httpx.AsyncClient) -> None:
    name = await a_mail(world)
    [mail] = (await client.get("/_dev/api/mail")).json()
    assert (mail["name"], mail["links"]) == (name, ["https://tools.example/verify?token=a&b=c"])
    assert (await client.get(f"/_dev/api/mail/{name}")).json() == mail
    assert (await client.get("/_dev/api/queues")).json() == []
    assert (await client.get("/_dev/api/realtime")).json()[0]["id"] == "c"
    assert (await client.get("/_dev/api/settings")).json() == ["APP_API_URL"]


@pytest.mark.parametrize(
    "path",
    ["mail/..%2F..%2Fkeys.json", "mail/../keys.json", "mail/nothing.eml", "api/nothing", "api/mail/x", "nothing"],
)
async def test_nothing_else_is_there(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/_dev/{path}")).status_code == 404


async def test_a_web_site_cannot_read_it_through_a_name_of_its_own(client: httpx.AsyncClient) -> None:
    for host, status in (
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1:7071", 200),
        ("[::1]", 200),
    ):
        assert (await client.get("/_dev/", headers={"Host": host})).status_code == status
    assert (await client.post("/_dev/")).status_code == 405


def test_the_pages_exist_in_the_dev_host_only(tmp_path: Path) -> None:
    assert "_dev" not in Path(function_app.__file__).read_text()
