"""What e-mails about a form may say of it."""

from dataclasses import dataclass

from domain.forms.model import Submission
from domain.forms.ports import FormStore
from domain.kernel.submissions import SubmissionNote


@dataclass(frozen=True, slots=True)
class FormNotes:
    """The mail room's view of the forms."""

    store: FormStore

    async def find_note(self, submission_id: str) -> SubmissionNote | None:
        submission = await self.store.find(submission_id)
        return None if submission is None else note_of(submission)


def note_of(submission: Submission) -> SubmissionNote:
    content = submission.content
    text = {"contact": "message", "interest": "notes"}.get(submission.type, "")  # a referral's speak of a third person
    return SubmissionNote(
        id=submission.id,
        kind=submission.type,
        submitted_at=submission.submitted_at,
        name=submission.sender_name,
        email=submission.sender_email,
        subject=content.get("subject") or "",
        message=content.get(text) or "",
        topics=tuple(content.get("services") or content.get("interests") or ()),
        urgency=submission.urgency or "",
        tracking_number=submission.tracking_number or "",
    )
