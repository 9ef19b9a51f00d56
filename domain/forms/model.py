"""What people send in, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Literal, Protocol, get_args

FormType = Literal["contact", "interest", "referral"]
FormStatus = Literal["pending", "reviewed", "resolved"]
Urgency = Literal["low", "medium", "high"]

FORM_TYPES: Final[tuple[FormType, ...]] = get_args(FormType)
FORM_STATUSES: Final[tuple[FormStatus, ...]] = get_args(FormStatus)

Content = dict[str, Any]
"""A form as it was sent: JSON in the contract's names."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who fills in the form, and gets the confirmation."""

    name: str = field(repr=False)
    email: str = field(repr=False)
    phone: str | None = field(default=None, repr=False)
    organization: str | None = field(default=None, repr=False)


class Form(Protocol):
    """What the three forms have in common."""

    type: ClassVar[FormType]

    @property
    def sender(self) -> Sender: ...

    @property
    def topics(self) -> tuple[str, ...]:
        """The services or interests named, for reports."""
        ...

    @property
    def urgency(self) -> Urgency | None: ...

    @property
    def search_terms(self) -> tuple[str | None, ...]:
        """What staff can find it by, besides the sender."""
        ...

    @property
    def file_ids(self) -> tuple[str, ...]: ...

    def content(self) -> Content: ...


@dataclass(frozen=True, slots=True)
class Contact:
    type: ClassVar[FormType] = "contact"
    sender: Sender
    subject: str = field(repr=False)
    message: str = field(repr=False)
    topics: ClassVar[tuple[str, ...]] = ()
    urgency: ClassVar[Urgency | None] = None
    file_ids: ClassVar[tuple[str, ...]] = ()

    @property
    def search_terms(self) -> tuple[str | None, ...]:
        return (self.subject,)

    def content(self) -> Content:
        return _person(self.sender) | {"subject": self.subject, "message": self.message}


@dataclass(frozen=True, slots=True)
class Interest:
    type: ClassVar[FormType] = "interest"
    sender: Sender
    topics: tuple[str, ...]
    availability: str | None = field(default=None, repr=False)
    notes: str | None = field(default=None, repr=False)
    urgency: ClassVar[Urgency | None] = None
    file_ids: ClassVar[tuple[str, ...]] = ()

    @property
    def search_terms(self) -> tuple[str | None, ...]:
        return self.topics

    def content(self) -> Content:
        return _person(self.sender) | {
            "interests": list(self.topics),
            "availability": self.availability,
            "notes": self.notes,
        }


@dataclass(frozen=True, slots=True)
class Participant:
    """The person who is referred, as far as the referrer tells. *contact* is free text: an address, an e-mail."""

    name: str = field(repr=False)
    contact: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Referral:
    type: ClassVar[FormType] = "referral"
    sender: Sender
    participant: Participant
    topics: tuple[str, ...]
    urgency: Urgency
    notes: str | None = field(default=None, repr=False)
    file_ids: tuple[str, ...] = ()

    @property
    def search_terms(self) -> tuple[str | None, ...]:
        return self.participant.name, self.sender.organization

    def content(self) -> Content:
        participant = self.participant
        return {
            "referrer": _person(self.sender) | {"organization": self.sender.organization},
            "participant": {
                "name": participant.name,
                "contact": participant.contact,
                "phone": participant.phone,
            },
            "services": list(self.topics),
            "urgency": self.urgency,
            "notes": self.notes,
            "attachments": [{"fileId": file_id} for file_id in self.file_ids],
        }


def _person(sender: Sender) -> Content:
    return {"name": sender.name, "email": sender.email, "phone": sender.phone}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a submission came from, for as long as abuse may have to be traced; see docs/data-model.md."""

    network: str | None = field(default=None, repr=False)
    """The address without its last part (IPv4 /24, IPv6 /48)."""
    user_agent: str | None = field(default=None, repr=False)
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A form as it is kept. *version* grows by one with each change by staff."""

    id: str
    type: FormType
    status: FormStatus
    assigned_to: str | None
    tracking_number: str | None
    urgency: Urgency | None
    sender_name: str = field(repr=False)
    sender_email: str = field(repr=False)
    content: Mapping[str, Any] = field(repr=False)
    submitted_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the sender is told."""

    id: str
    submitted_at: datetime
    tracking_number: str | None
    repeated: bool = False
    """This was sent before, with the same key."""


def tracking_number(year: int, number: int) -> str:
    """`REF-2026-000125`. From the millionth referral of a year on it just gets longer."""
    return f"REF-{year}-{number:06d}"
