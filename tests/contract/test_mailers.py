"""What every mailer promises, over the real protocols: files, SMTP, Azure Communication Services."""

import email
import email.policy
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from adapters.mail.acs import AzureMailer
from adapters.mail.eml import EmlMailer
from adapters.mail.smtp import SmtpMailer
from domain.kernel.errors import Unavailable
from domain.kernel.mail import Mailer, MailMessage
from tests.factories import ManualClock
from tests.https_services import EmailService, KnownCredential, served
from tests.servers import free_port

SENDER = "T.O.O.L.S Inc <hello@tools.example>"
MESSAGE = MailMessage(
    "<1@tools.example>",
    "ada@people.example",
    "Grüße, 日本",
    "Hello.\n.\nA line of a dot, and a link: https://tools.example/?token=abc=def",
    "<p>Hello &amp; welcome — 日本</p>",
    reply_to="team@tools.example",
)


@dataclass(frozen=True)
class Got:
    to: str
    sender: str
    reply_to: str | None
    subject: str
    text: str
    html: str
    unsubscribe: tuple[str | None, str | None] = (None, None)
    """`List-Unsubscribe`, `List-Unsubscribe-Post`."""


class Bench(Protocol):
    """A mailer, and where its mail arrives."""

    @property
    def mailer(self) -> Mailer: ...

    def got(self) -> list[Got]: ...


def read_mime(raw: bytes) -> Got:
    mime = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mime, EmailMessage)
    text, html = mime.get_body(("plain",)), mime.get_body(("html",))
    assert text is not None
    assert html is not None
    reply_to = mime["Reply-To"]
    return Got(
        mime["To"].addresses[0].addr_spec,
        mime["From"].addresses[0].addr_spec,
        reply_to and reply_to.addresses[0].addr_spec,
        str(mime["Subject"]),
        text.get_content().replace("\r\n", "\n").rstrip("\n"),
        html.get_content().replace("\r\n", "\n").rstrip("\n"),
        (mime["List-Unsubscribe"], mime["List-Unsubscribe-Post"]),
    )


class Files:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.mailer: Mailer = EmlMailer(folder, sender=SENDER, clock=ManualClock())

    def got(self) -> list[Got]:
        return [read_mime(path.read_bytes()) for path in sorted(self._folder.glob("*.eml"))]


class Inbox:
    """What an SMTP server took; *refuses* is what it answers to a recipient instead."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.refuses: str | None = None

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's names
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if not session.authenticated:
            return "530 sign in first"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's names
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.refuses is not None:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.raw.append(envelope.content)
        return "250 OK"


class Smtp:
    def __init__(self, port: int, inbox: Inbox) -> None:
        self.inbox = inbox
        self.mailer: Mailer = SmtpMailer(
            "127.0.0.1", port, sender=SENDER, clock=ManualClock(), user="us", password="pw", start_tls=False
        )

    def got(self) -> list[Got]:
        return [read_mime(raw) for raw in self.inbox.raw]


class Azure:
    def __init__(self, service: EmailService) -> None:
        self._service = service
        self.mailer: Mailer = AzureMailer(
            service.url, KnownCredential, sender=SENDER, clock=ManualClock(), verify=service.certificate
        )

    def got(self) -> list[Got]:
        return [self._read(sent) for sent in self._service.operations.values()]

    def _read(self, sent: dict[str, Any]) -> Got:
        content = sent["content"]
        reply_to = sent.get("replyTo")
        return Got(
            sent["recipients"]["to"][0]["address"],
            sent["senderAddress"],
            reply_to and reply_to[0]["address"],
            content["subject"],
            content["plainText"],
            content["html"],
            (sent["headers"].get("List-Unsubscribe"), sent["headers"].get("List-Unsubscribe-Post")),
        )


def let_in(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"us", b"pw")
    return AuthResult(success=known)


@pytest.fixture
def inbox() -> Iterator[tuple[int, Inbox]]:
    """An SMTP server on loopback, and its port."""
    inbox, port = Inbox(), free_port()
    controller = Controller(inbox, "127.0.0.1", port, authenticator=let_in, auth_require_tls=False)
    controller.start()
    yield port, inbox
    controller.stop()


@pytest.fixture(params=["eml", "smtp", "acs"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Bench]:
    made: Bench
    match request.param:
        case "eml":
            made = Files(tmp_path)
            yield made
        case "smtp":
            made = Smtp(*request.getfixturevalue("inbox"))
            yield made
        case _:
            service = EmailService()
            async with served(service, tmp_path):
                made = Azure(service)
                yield made
                await made.mailer.close()


async def test_what_is_sent_arrives_as_it_was(bench: Bench) -> None:
    await bench.mailer.send(MESSAGE)
    [got] = bench.got()
    assert got == Got(
        "ada@people.example", "hello@tools.example", "team@tools.example", MESSAGE.subject, MESSAGE.text, MESSAGE.html
    )


async def test_one_post_can_end_mails_of_a_kind(bench: Bench) -> None:
    url = "https://api.tools.example/api/v1/users/unsubscribe?token=" + "t" * 64
    await bench.mailer.send(replace(MESSAGE, unsubscribe=url))
    [got] = bench.got()
    assert got.unsubscribe == (f"<{url}>", "List-Unsubscribe=One-Click")


async def test_a_line_may_be_longer_than_smtp_allows(bench: Bench) -> None:
    message = replace(MESSAGE, html="<p>" + "ü long " * 1000 + "</p>", text="x" * 5000)
    await bench.mailer.send(message)
    [got] = bench.got()
    assert (got.text, got.html) == (message.text, message.html)


async def test_there_may_be_nobody_to_reply_to(bench: Bench) -> None:
    await bench.mailer.send(replace(MESSAGE, reply_to=None))
    assert bench.got()[0].reply_to is None


@pytest.mark.parametrize("to", ["", "ada", "ada@x.example, eve@x.example", "ada@x.example\r\nBcc: eve@x.example"])
async def test_what_is_not_one_address_is_never_sent(bench: Bench, to: str) -> None:
    with pytest.raises(ValueError, match="address"):
        await bench.mailer.send(replace(MESSAGE, to=to))
    assert bench.got() == []


async def test_a_ping_answers(bench: Bench) -> None:
    await bench.mailer.ping()
    assert bench.got() == []


async def test_to_azure_a_repeat_is_the_same_operation(tmp_path: Path) -> None:
    service = EmailService()
    async with served(service, tmp_path):
        bench = Azure(service)
        await bench.mailer.send(MESSAGE)
        await bench.mailer.send(MESSAGE)
        await bench.mailer.send(replace(MESSAGE, message_id="<2@tools.example>"))
        assert len(bench.got()) == 2
        await bench.mailer.close()


@pytest.mark.parametrize("status", [401, 403, 429, 500])
async def test_azure_that_does_not_take_mail_is_unavailable(
    tmp_path: Path, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    service = EmailService(broken=status)
    async with served(service, tmp_path):
        bench = Azure(service)
        with pytest.raises(Unavailable):
            await bench.mailer.send(MESSAGE)
        await bench.mailer.close()
    assert "ada@" not in caplog.text


@pytest.mark.parametrize("status", [401, 403, 429, 500])
async def test_a_ping_finds_out_that_azure_does_not_let_us_in(tmp_path: Path, status: int) -> None:
    service = EmailService(broken=status)
    async with served(service, tmp_path):
        bench = Azure(service)
        with pytest.raises(Unavailable):
            await bench.mailer.ping()
        await bench.mailer.close()
    assert service.asked == 1


@pytest.mark.parametrize("answer", ["450 busy with ada@people.example", "550 who is ada@people.example"])
async def test_a_server_that_refuses_is_unavailable_and_its_words_stay_out_of_the_log(
    inbox: tuple[int, Inbox], answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Smtp(*inbox)
    bench.inbox.refuses = answer
    with pytest.raises(Unavailable):
        await bench.mailer.send(MESSAGE)
    assert "ada@" not in caplog.text


async def test_a_wrong_password_is_unavailable(inbox: tuple[int, Inbox]) -> None:
    mailer = SmtpMailer(
        "127.0.0.1", inbox[0], sender=SENDER, clock=ManualClock(), user="us", password="no", start_tls=False
    )
    with pytest.raises(Unavailable):
        await mailer.ping()


async def test_no_password_and_no_link_travels_where_starttls_is_not_offered(inbox: tuple[int, Inbox]) -> None:
    mailer = SmtpMailer("127.0.0.1", inbox[0], sender=SENDER, clock=ManualClock(), user="us", password="pw")
    with pytest.raises(Unavailable):
        await mailer.send(MESSAGE)
    assert inbox[1].raw == []


async def test_nobody_listening_is_unavailable() -> None:
    mailer = SmtpMailer("127.0.0.1", free_port(), sender=SENDER, clock=ManualClock(), start_tls=False)
    with pytest.raises(Unavailable):
        await mailer.send(MESSAGE)
