"""The mail room: takes a task from the queue `mail`, writes the letter, hands it to the mailer.

    docs/flows/mail.md walks through it.

Tasks hold ids only, so what is written is true at the moment of writing: a link that was used, a form that was deleted
or an account that is gone makes the task moot, and it is dropped. The Message-ID comes from the task, so a task that
runs twice gives the same message, which mail programs show once.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.kernel.accounts import ACCOUNT_ID, Account, Digest
from domain.kernel.clock import Clock
from domain.kernel.containers import ACCOUNTS
from domain.kernel.documents import DocumentStore
from domain.kernel.ids import is_uuid7, uuid7_time
from domain.kernel.keys import Keys
from domain.kernel.links import Link, Purpose, link_item_id, mint_link_token
from domain.kernel.mail import Mailer, MailMessage
from domain.kernel.missed import Unread
from domain.kernel.submissions import Submissions
from domain.kernel.unsubscribing import mint_unsubscribe_token
from domain.mail import letters
from domain.mail.letter import Letter, as_html, as_text
from domain.mail.ports import Sites


class TaskUnknown(Exception):
    """Not a task of ours, or one with a member missing: a fault of ours, for the poison queue and its alert."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """A letter and where it goes."""

    letter: Letter
    to: str
    reply_to: str | None = None
    unsubscribe: str | None = None


@dataclass(frozen=True)
class MailRoom:
    documents: DocumentStore
    keys: Keys
    submissions: Callable[[], Submissions]
    """Called only for a form's mail: they live in SQL, which other letters need not wake."""
    unread: Callable[[], Unread]
    mailer: Mailer
    sites: Sites
    clock: Clock

    async def deliver(self, task: Mapping[str, Any]) -> bool:
        """Send what *task* asks for. False when it is moot by now. Safe to repeat.

        Raises TaskUnknown, or Unavailable when a store or the mailer is away: the queue then shows the task again.
        """
        write = self._writers.get(str(task.get("template")))
        if write is None:
            raise TaskUnknown("no such template")
        addressed = await write(task)
        if addressed is None:
            return False
        letter = addressed.letter
        await self.mailer.send(
            MailMessage(
                message_id=message_id(task, self.sites.mail_domain),
                to=addressed.to,
                subject=letter.subject,
                text=as_text(letter),
                html=as_html(letter),
                reply_to=addressed.reply_to,
                unsubscribe=addressed.unsubscribe,
            )
        )
        return True

    @property
    def _writers(self) -> Mapping[str, Callable[[Mapping[str, Any]], Awaitable[Addressed | None]]]:
        return {
            Purpose.VERIFY_EMAIL.value: self._verify_email,
            Purpose.RESET_PASSWORD.value: self._reset_password,
            "password_changed": self._password_changed,
            "digest": self._digest,
            "form_received": self._form_received,
        }

    async def _verify_email(self, task: Mapping[str, Any]) -> Addressed | None:
        found = await self._account_and_link(task, Purpose.VERIFY_EMAIL)
        if found is None:
            return None
        account, link, token = found
        if account.email_verified:
            return None
        letter = letters.verify_email(
            name=account.name, url=self.sites.verify_email(token), lasts=link.expires_at - link.created_at
        )
        return Addressed(letter, account.email)

    async def _reset_password(self, task: Mapping[str, Any]) -> Addressed | None:
        found = await self._account_and_link(task, Purpose.RESET_PASSWORD)
        if found is None:
            return None
        account, link, token = found
        letter = letters.reset_password(
            name=account.name, url=self.sites.reset_password(token), lasts=link.expires_at - link.created_at
        )
        return Addressed(letter, account.email)

    async def _password_changed(self, task: Mapping[str, Any]) -> Addressed | None:
        """*eventId* is the UUIDv7 of the change, and so its time."""
        event_id = _id(task, "eventId")
        stored = await self.documents.find(ACCOUNTS, _id(task, "userId"), ACCOUNT_ID)
        if stored is None:
            return None
        account = Account.from_item(stored.item)
        changed_at = uuid7_time(event_id)
        letter = letters.password_changed(name=account.name, at=changed_at, forgot_url=self.sites.forgot_password)
        return Addressed(letter, account.email)

    async def _digest(self, task: Mapping[str, Any]) -> Addressed | None:
        """*digestId* names the one mail of its period. What was read in the meantime is not counted."""
        _id(task, "digestId")
        stored = await self.documents.find(ACCOUNTS, _id(task, "userId"), ACCOUNT_ID)
        account = None if stored is None else Account.from_item(stored.item)
        if account is None or not account.verified or account.preferences.digest is Digest.OFF:
            return None
        missed = await self.unread().missed(account.id)
        if missed.messages == 0:
            return None
        token = mint_unsubscribe_token((await self.keys.get()).current, user_id=account.id)
        url = self.sites.unsubscribe(token)
        letter = letters.digest(name=account.name, missed=missed, url=self.sites.messages, unsubscribe_url=url)
        return Addressed(letter, account.email, unsubscribe=url)

    async def _form_received(self, task: Mapping[str, Any]) -> Addressed | None:
        to = task.get("to")
        if to not in {"team", "sender"}:
            raise TaskUnknown("a form's mail goes to the team or to the sender")
        note = await self.submissions().find_note(_id(task, "submissionId"))
        if note is None:
            return None
        if to == "sender":
            return Addressed(letters.form_received_sender(note), note.email, reply_to=self.sites.team)
        letter = letters.form_received_team(note, url=self.sites.form(note.id))
        return Addressed(letter, self.sites.team, reply_to=note.email)

    async def _account_and_link(self, task: Mapping[str, Any], purpose: Purpose) -> tuple[Account, Link, str] | None:
        """The account, the link while it is good, and its token. One store call."""
        user_id, link_id = _id(task, "userId"), _id(task, "linkId")
        account_item, stored_link = await self.documents.find_many(
            ACCOUNTS, [(user_id, ACCOUNT_ID), (user_id, link_item_id(link_id))]
        )
        if account_item is None or stored_link is None:
            return None
        link = Link.from_item(stored_link.item)
        key = (await self.keys.get()).find(link.kid)
        if key is None or link.purpose is not purpose or self.clock.now() >= link.expires_at:
            return None
        token = mint_link_token(key, purpose=purpose, user_id=user_id, link_id=link_id)
        return Account.from_item(account_item.item), link, token


def message_id(task: Mapping[str, Any], mail_domain: str) -> str:
    """The same for the same task, and tells nothing of it (RFC 5322 §3.6.4)."""
    canonical = json.dumps(dict(task), sort_keys=True, separators=(",", ":")).encode()
    return f"<{hashlib.sha256(canonical).hexdigest()[:40]}@{mail_domain}>"


def mail_domain(sender: str, *, fallback: str = "localhost") -> str:
    """The domain of `Name <address@domain>`."""
    domain = sender.rpartition("@")[2].strip(" >")
    return domain or fallback


def _id(task: Mapping[str, Any], name: str) -> str:
    value = task.get(name)
    if not isinstance(value, str) or not is_uuid7(value):
        raise TaskUnknown(f"{name} is not an id")
    return value
