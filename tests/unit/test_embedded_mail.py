"""The `.eml` files of the embedded mailer."""

import stat
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from adapters.mail.eml import EmlMailer
from domain.kernel.errors import Unavailable
from domain.kernel.mail import MailMessage
from tests.factories import ManualClock

LINK = "http://localhost:7071/api/v1/auth/verify-email?token=" + "a1-_" * 30


def a_message(message_id: str = "<1@tools.example>", **changes: str) -> MailMessage:
    return MailMessage(
        **{
            "message_id": message_id,
            "to": "ada@example.org",
            "subject": "Confirm your e-mail",
            "text": f"Hello Ada Łovelace,\n\n{LINK}\n",
            "html": f'<p>Hello Ada Łovelace</p><a href="{LINK}">Confirm</a>',
            **changes,
        }
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def mailer(tmp_path: Path, clock: ManualClock) -> EmlMailer:
    return EmlMailer(tmp_path / "mail", sender="T.O.O.L.S Inc <no-reply@tools.example>", clock=clock)


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "mail").iterdir())


def parse(path: Path) -> EmailMessage:
    parsed = message_from_bytes(path.read_bytes(), policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


async def test_a_message_becomes_a_file_with_text_and_html(mailer: EmlMailer, tmp_path: Path) -> None:
    await mailer.send(a_message())
    [path] = files(tmp_path)
    mail = parse(path)
    assert mail["To"] == "ada@example.org"
    [sender] = mail["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("T.O.O.L.S Inc", "no-reply@tools.example")
    assert mail["Message-ID"] == "<1@tools.example>"
    assert mail["Date"].datetime.isoformat() == "2026-01-20T12:00:00+00:00"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert LINK in text.get_content()
    assert "Łovelace" in html.get_content()


async def test_links_stand_whole_in_the_file(mailer: EmlMailer, tmp_path: Path) -> None:
    await mailer.send(a_message())
    assert path_text(files(tmp_path)[0]).count(LINK) == 2


def path_text(path: Path) -> str:
    return path.read_bytes().decode()


async def test_names_sort_oldest_first_and_say_nothing_about_people(
    mailer: EmlMailer, clock: ManualClock, tmp_path: Path
) -> None:
    for n in range(12):
        await mailer.send(a_message(f"<{n}@tools.example>", subject=f"number {n}"))
        if n % 3 == 0:
            clock.advance(timedelta(milliseconds=1))
    assert [parse(path)["Subject"] for path in files(tmp_path)] == [f"number {n}" for n in range(12)]
    assert not any("ada" in path.name for path in files(tmp_path))


async def test_sending_again_after_a_crash_writes_no_second_file(
    mailer: EmlMailer, clock: ManualClock, tmp_path: Path
) -> None:
    await mailer.send(a_message())
    restarted = EmlMailer(tmp_path / "mail", sender="no-reply@tools.example", clock=clock)
    await restarted.send(a_message())
    await restarted.send(a_message("<2@tools.example>"))
    assert len(files(tmp_path)) == 2


async def test_only_the_owner_may_read_the_files(mailer: EmlMailer, tmp_path: Path) -> None:
    await mailer.send(a_message())
    assert stat.S_IMODE(files(tmp_path)[0].stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "ada@example.org, eve@example.org"},
        {"to": "ada@example.org\r\nBcc: eve@example.org"},
        {"to": "Ada <ada@example.org>"},
        {"subject": "Hello\r\nBcc: eve@example.org"},
        {"reply_to": "eve@example.org\nBcc: x@example.org"},
        {"message_id": "<1@x>\r\nBcc: eve@example.org"},
    ],
)
async def test_no_header_can_be_smuggled_in(mailer: EmlMailer, tmp_path: Path, changes: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        await mailer.send(a_message(**changes))
    assert not (tmp_path / "mail").exists() or files(tmp_path) == []


async def test_an_address_beyond_ascii_is_written_as_it_is(mailer: EmlMailer, tmp_path: Path) -> None:
    await mailer.send(a_message(to="дана@example.org"))
    assert parse(files(tmp_path)[0])["To"] == "дана@example.org"


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "mail").write_text("in the way")
    mailer = EmlMailer(tmp_path / "mail", sender="no-reply@tools.example", clock=clock)
    with pytest.raises(Unavailable):
        await mailer.send(a_message())
    with pytest.raises(Unavailable):
        await mailer.ping()
