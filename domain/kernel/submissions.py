"""A form somebody sent, as far as the e-mails about it need it. `domain.forms` keeps the whole."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

FormKind = Literal["contact", "interest", "referral"]


@dataclass(frozen=True, slots=True)
class SubmissionNote:
    """*name* and *email* are the sender's (a referral's referrer). A referral's participant is not in here at all:

    whom a case worker refers must not lie about in mailboxes.
    """

    id: str
    kind: FormKind
    submitted_at: datetime
    name: str = field(repr=False)
    email: str = field(repr=False)
    subject: str = field(default="", repr=False)
    message: str = field(default="", repr=False)
    """A contact form's text, or the notes of an interest form."""
    topics: tuple[str, ...] = ()
    """The interests, or the services asked for."""
    urgency: str = ""
    tracking_number: str = ""


class Submissions(Protocol):
    async def find_note(self, submission_id: str) -> SubmissionNote | None:
        """None for one that is not there (any more). Raises Unavailable."""
        ...
