"""What e-mails may say of a form: never a participant's name."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from domain.forms.model import Form
from domain.forms.notes import FormNotes
from domain.kernel.submissions import SubmissionNote
from tests.factories import NOON, a_contact, a_referral, an_interest
from tests.forms import FormBench, a_bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncGenerator[FormBench]:
    async with a_bench(tmp_path) as bench:
        yield bench


async def note_of(bench: FormBench, form: Form) -> SubmissionNote:
    submission = await bench.add(form)
    note = await FormNotes(bench.store).find_note(submission.id)
    assert note is not None
    assert (note.id, note.kind, note.submitted_at) == (submission.id, form.type, NOON)
    return note


async def test_a_contact_is_told_with_subject_and_message(bench: FormBench) -> None:
    note = await note_of(bench, a_contact())
    assert (note.name, note.email) == ("Ada", "ada@people.example")
    assert (note.subject, note.message) == ("A question", "When do you open?")


async def test_an_interest_is_told_with_its_interests_and_notes(bench: FormBench) -> None:
    note = await note_of(bench, an_interest())
    assert (note.topics, note.message) == (("welding", "reading"), "I have a bus pass.")


async def test_a_referral_is_told_without_the_participant(bench: FormBench) -> None:
    note = await note_of(bench, a_referral())
    assert (note.tracking_number, note.urgency, note.topics) == ("REF-2026-000001", "high", ("housing", "job search"))
    assert not any("Dan" in str(value) or "Friday" in str(value) for value in (note.name, note.message, note.subject))


async def test_a_form_that_is_gone_has_none(bench: FormBench) -> None:
    assert await FormNotes(bench.store).find_note(bench.ids.new()) is None
