"""Taking a form in: the story from a checked body to a receipt.  See docs/flows/referral.md."""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.forms.model import Form, Origin, Receipt, Submission, tracking_number
from domain.forms.ports import Attachments, Challenge, FormStore, KeyTaken, NewSubmission, Relay
from domain.forms.rules import check_form, unknown_file
from domain.kernel.clock import Clock
from domain.kernel.errors import Conflict, Invalid, Unavailable
from domain.kernel.ids import Ids
from domain.kernel.mail import MAIL_QUEUE
from domain.kernel.outbox import Task

KEY_TTL: Final = timedelta(hours=24)
TRIES: Final = 5


class KeyReused(Conflict):
    message = "This Idempotency-Key was used for another form."


@dataclass(frozen=True, slots=True)
class Guards:
    """What came with a form to keep machines out. *trap* is a field no person sees."""

    trap: str = ""
    challenge_token: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Forms:
    """*challenge* is None where none is configured."""

    store: FormStore
    relay: Relay
    attachments: Attachments
    challenge: Challenge | None
    clock: Clock
    ids: Ids

    async def submit(self, form: Form, origin: Origin, guards: Guards, *, key: str | None) -> Receipt:
        """Keep one form, then have its e-mails sent.

        Safe to retry with the same *key* for 24 hours: a second call answers with the first one's receipt.

        Raises:
            Invalid: a field, an attachment, or the challenge.
            KeyReused: *key* came with another form.
            Unavailable: not kept, as far as one can tell.
        """
        if guards.trap:
            return self._pretend(form)
        form = check_form(form)
        new = self._plan(form, origin, key)
        if self.challenge is not None:
            first = await self._first_with_key(new) if key else None
            if first is not None:  # challenge tokens serve once; the retry of an answered request needs none
                return _receipt(first, repeated=True)
            await self._check_challenge(self.challenge, guards)
        await self._claim_attachments(new)
        return await self._keep(new)

    async def _keep(self, new: NewSubmission) -> Receipt:
        for _ in range(TRIES):
            try:
                submission = await self.store.add(new)
            except KeyTaken:
                first = await self._first_with_key(new)
                if first is not None:
                    return _receipt(first, repeated=True)
                continue  # the key had expired, and is free now, unless a twin is quicker
            await self.relay.hand_over(new.tasks)
            return _receipt(submission)
        raise Unavailable

    async def _first_with_key(self, new: NewSubmission) -> Submission | None:
        """The submission that this one repeats, or None. Frees a key that has expired."""
        keyed = await self.store.find_by_key(new.key)
        if keyed is None:
            return None
        if new.submitted_at - keyed.submission.submitted_at >= KEY_TTL:
            await self.store.release_key(keyed.submission.id)
            return None
        if keyed.fingerprint != new.fingerprint:
            raise KeyReused
        return keyed.submission

    def _plan(self, form: Form, origin: Origin, key: str | None) -> NewSubmission:
        submission_id = self.ids.new()
        return NewSubmission(
            id=submission_id,
            audit_id=self.ids.new(),
            form=form,
            key=submission_id if key is None else _digest(f"{form.type}:{key}"),
            fingerprint=_digest(json.dumps(form.content(), sort_keys=True)),
            origin=origin,
            submitted_at=self.clock.now(),
            tasks=tuple(
                Task(
                    self.ids.new(),
                    MAIL_QUEUE,
                    {"template": "form_received", "submissionId": submission_id, "to": recipient},
                )
                for recipient in ("team", "sender")
            ),
        )

    async def _claim_attachments(self, new: NewSubmission) -> None:
        """For this very form: sent again, with or without a key, it finds its files still its own."""
        file_ids = new.form.file_ids
        if not file_ids:
            return
        unknown = await self.attachments.claim(file_ids, claimant=new.fingerprint)
        faults = [unknown_file(position) for position, file_id in enumerate(file_ids) if file_id in unknown]
        if faults:
            raise Invalid(faults=faults)

    async def _check_challenge(self, challenge: Challenge, guards: Guards) -> None:
        token = guards.challenge_token
        if not token or not await challenge.passed(token, address=guards.address):
            raise Invalid.field("challengeToken", "challenge_failed", "Solve the challenge again.")

    def _pretend(self, form: Form) -> Receipt:
        """What a machine is told: a receipt like any other, for nothing."""
        now = self.clock.now()
        made_up = self.ids.new()
        number = tracking_number(now.year, 1 + int(made_up[-4:], 16) % 999) if form.type == "referral" else None
        return Receipt(made_up, now, number)


def _receipt(submission: Submission, *, repeated: bool = False) -> Receipt:
    return Receipt(submission.id, submission.submitted_at, submission.tracking_number, repeated)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
