"""From a task of ids to a message; what is moot is dropped, what is not ours is refused."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.documents.sqlite import SqliteDocuments
from domain.chat.unread import UnreadCount
from domain.kernel.accounts import Account
from domain.kernel.containers import ACCOUNTS
from domain.kernel.errors import Unavailable
from domain.kernel.ids import SystemIds
from domain.kernel.keys import Key, KeySet
from domain.kernel.links import Purpose, link_item_id, link_mail, new_link, read_link_token
from domain.kernel.mail import MailMessage
from domain.kernel.submissions import SubmissionNote
from domain.mail.ports import Sites
from domain.mail.service import MailRoom, TaskUnknown, mail_domain
from tests.factories import NOON, ManualClock

KEYS = KeySet(Key("k2", b"2" * 32), previous=Key("k1", b"1" * 32))
SITES = Sites("http://localhost:7071", "http://localhost:3000", "tools.example", "team@tools.example")


class FixedKeys:
    async def get(self, kid: str | None = None) -> KeySet:  # noqa: ARG002 - the port's shape
        return KEYS


@dataclass
class Outgoing:
    """The network's edge: remembers what it was given, or is down."""

    sent: list[MailMessage] = field(default_factory=list)
    down: bool = False

    async def send(self, message: MailMessage) -> None:
        if self.down:
            raise Unavailable
        self.sent.append(message)

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


@dataclass
class Forms:
    notes: dict[str, SubmissionNote] = field(default_factory=dict)

    async def find_note(self, submission_id: str) -> SubmissionNote | None:
        return self.notes.get(submission_id)


@dataclass
class Room:
    documents: SqliteDocuments
    clock: ManualClock
    out: Outgoing = field(default_factory=Outgoing)
    forms: Forms = field(default_factory=Forms)

    def __post_init__(self) -> None:
        self.ids = SystemIds(self.clock)
        self.unread = UnreadCount(self.documents, self.clock)
        self.room = MailRoom(
            self.documents, FixedKeys(), lambda: self.forms, lambda: self.unread, self.out, SITES, self.clock
        )

    async def an_account(self, **changes: Any) -> Account:
        account = Account(
            id=self.ids.new(),
            email="ada@people.example",
            email_key="key",
            name="Ada",
            password_hash="",
            created_at=NOON,
            updated_at=NOON,
        )
        account = replace(account, **changes)
        await self.documents.create(ACCOUNTS, account.to_item())
        return account

    async def a_link_task(self, account: Account, purpose: Purpose, key: Key = KEYS.current) -> dict[str, Any]:
        link = new_link(
            key,
            purpose=purpose,
            user_id=account.id,
            link_id=self.ids.new(),
            now=self.clock.now(),
            expires_at=self.clock.now() + timedelta(minutes=15),
        )
        await self.documents.create(ACCOUNTS, link.to_item())
        return link_mail(link)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncGenerator[Room]:
    clock = ManualClock()
    documents = SqliteDocuments(tmp_path / "documents.db", clock)
    yield Room(documents, clock)
    await documents.close()


@pytest.mark.parametrize(
    ("purpose", "starts"),
    [
        (Purpose.VERIFY_EMAIL, "http://localhost:7071/api/v1/auth/verify-email?token="),
        (Purpose.RESET_PASSWORD, "http://localhost:3000/reset-password?token="),
    ],
)
async def test_the_link_in_the_mail_opens_what_was_asked_for(room: Room, purpose: Purpose, starts: str) -> None:
    account = await room.an_account()
    task = await room.a_link_task(account, purpose)
    assert await room.room.deliver(task)
    [mail] = room.out.sent
    assert mail.to == "ada@people.example"
    url = next(line for line in mail.text.splitlines() if line.startswith(starts))
    named = read_link_token(KEYS, url.removeprefix(starts), purpose=purpose)
    assert named is not None
    assert (named.user_id, named.link_id) == (account.id, task["linkId"])
    assert url in mail.html
    assert "Hello Ada," in mail.text


async def test_a_link_made_before_the_keys_turned_is_still_minted_with_its_own_key(room: Room) -> None:
    assert KEYS.previous is not None
    task = await room.a_link_task(await room.an_account(), Purpose.RESET_PASSWORD, KEYS.previous)
    assert await room.room.deliver(task)
    gone = await room.a_link_task(await room.an_account(), Purpose.RESET_PASSWORD, Key("k0", b"0" * 32))
    assert not await room.room.deliver(gone)


async def test_the_same_task_gives_the_same_message_id_and_another_a_different_one(room: Room) -> None:
    account = await room.an_account()
    first, second = [await room.a_link_task(account, Purpose.VERIFY_EMAIL) for _ in range(2)]
    for task in (first, first, second):
        await room.room.deliver(task)
    ids = [mail.message_id for mail in room.out.sent]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].endswith("@tools.example>")
    assert account.id not in ids[0]


async def test_what_is_moot_is_dropped(room: Room) -> None:
    account = await room.an_account()
    used = await room.a_link_task(account, Purpose.VERIFY_EMAIL)
    await room.documents.delete(ACCOUNTS, account.id, link_item_id(used["linkId"]))
    late = await room.a_link_task(account, Purpose.RESET_PASSWORD)
    room.clock.advance(minutes=15)
    verified = await room.a_link_task(await room.an_account(email_verified=True), Purpose.VERIFY_EMAIL)
    gone = await room.a_link_task(replace(account, id=room.ids.new()), Purpose.VERIFY_EMAIL)
    swapped = {**await room.a_link_task(account, Purpose.VERIFY_EMAIL), "template": "reset_password"}
    no_account = {"template": "password_changed", "userId": room.ids.new(), "eventId": room.ids.new()}
    no_form = {"template": "form_received", "submissionId": room.ids.new(), "to": "team"}
    for task in (used, late, verified, gone, swapped, no_account, no_form):
        assert not await room.room.deliver(task)
    assert room.out.sent == []


@pytest.mark.parametrize(
    "task",
    [
        {},
        {"template": "digest", "userId": "01890a5d-ac96-774b-bcce-b302099a8057"},
        {"template": "unknown"},
        {"template": ["verify_email"]},
        {"template": "verify_email"},
        {"template": "verify_email", "userId": "x", "linkId": "y"},
        {"template": "verify_email", "userId": 5, "linkId": None},
        {"template": "form_received", "submissionId": "01890a5d-ac96-774b-bcce-b302099a8057", "to": "everyone"},
    ],
)
async def test_a_task_that_is_not_one_is_refused(room: Room, task: dict[str, Any]) -> None:
    with pytest.raises(TaskUnknown):
        await room.room.deliver(task)


async def test_a_mailer_that_is_down_leaves_the_task_to_the_queue(room: Room) -> None:
    task = await room.a_link_task(await room.an_account(), Purpose.VERIFY_EMAIL)
    room.out.down = True
    with pytest.raises(Unavailable):
        await room.room.deliver(task)
    room.out.down = False
    assert await room.room.deliver(task)


async def test_a_changed_password_is_told_with_its_time(room: Room) -> None:
    account = await room.an_account()
    task = {"template": "password_changed", "userId": account.id, "eventId": room.ids.new()}
    room.clock.advance(days=1)
    assert await room.room.deliver(task)
    assert "on 20 January 2026 at 12:00 UTC" in room.out.sent[0].text


async def test_a_form_is_told_to_the_team_and_acknowledged_to_the_sender(room: Room) -> None:
    note = SubmissionNote(
        id=room.ids.new(),
        kind="contact",
        submitted_at=NOON,
        name="Sam",
        email="sam@people.example",
        subject="Help\r\nBcc: eve@evil.example",
        message="<b>Please</b>",
    )
    room.forms.notes[note.id] = note
    for to in ("team", "sender"):
        assert await room.room.deliver({"template": "form_received", "submissionId": note.id, "to": to})
    team, sender = room.out.sent
    assert (team.to, team.reply_to) == ("team@tools.example", "sam@people.example")
    assert "\n" not in team.subject + sender.subject
    assert "\r" not in team.subject
    assert "&lt;b&gt;Please" in team.html
    assert (sender.to, sender.reply_to) == ("sam@people.example", "team@tools.example")
    assert "Please" not in sender.text.replace("Please confirm", "")


def test_the_domain_of_message_ids_is_the_senders() -> None:
    assert mail_domain("T.O.O.L.S Inc <hello@tools.example>") == "tools.example"
    assert mail_domain("hello@tools.example") == "tools.example"
