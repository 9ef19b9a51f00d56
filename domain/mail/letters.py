"""What we write to people. Plain words and short sentences: many readers are under stress, and some read on a phone.

A letter to an address that nobody has proven yet never repeats what was typed beside it (`greeting` says why).
"""

from datetime import datetime, timedelta
from typing import Final

from domain.kernel.missed import Missed
from domain.kernel.submissions import SubmissionNote
from domain.mail.letter import Letter, greeting, one_line

_FORM_NAMES: Final = {"contact": "message", "interest": "interest form", "referral": "referral"}


def verify_email(*, name: str, url: str, lasts: timedelta) -> Letter:
    return Letter(
        subject="Please confirm your e-mail address",
        opening=greeting(name),
        paragraphs=("Welcome. To finish setting up your account, please confirm that this e-mail address is yours.",),
        link=("Confirm my e-mail address", url),
        after_link=(
            f"The link works for {_duration(lasts)}. If it has run out, sign in and ask for a new one.",
            "If you did not sign up, you can ignore this message. Nothing will happen.",
        ),
    )


def reset_password(*, name: str, url: str, lasts: timedelta) -> Letter:
    return Letter(
        subject="Choose a new password",
        opening=greeting(name),
        paragraphs=("Somebody asked for a new password for your account. If it was you, use the button below.",),
        link=("Choose a new password", url),
        after_link=(
            f"The link works once, for {_duration(lasts)}. If it has run out, ask for a new one on the sign-in page.",
            "If it was not you, you can ignore this message. Your password stays as it is.",
        ),
    )


def password_changed(*, name: str, at: datetime | None, forgot_url: str) -> Letter:
    when = "just now" if at is None else f"on {at:%d %B %Y at %H:%M} UTC"
    return Letter(
        subject="Your password was changed",
        opening=greeting(name),
        paragraphs=(
            f"The password of your account was changed {when}.",
            "If it was you, there is nothing to do.",
            "If it was not you, choose a new password now. That also signs out everybody else.",
        ),
        link=("Choose a new password", forgot_url),
    )


def digest(*, name: str, missed: Missed, url: str, unsubscribe_url: str) -> Letter:
    """Numbers only: who writes to whom, and what, is nobody's business who looks over a shoulder or into a mailbox."""
    messages, conversations = _count(missed.messages, "unread message"), _count(missed.conversations, "conversation")
    return Letter(
        subject="You have unread messages",
        opening=greeting(name),
        paragraphs=(f"While you were away, people wrote to you. You have {messages} in {conversations}.",),
        link=("Read them", url),
        after_link=(
            "You can choose how often we write about this, and when we stay quiet, in your settings.",
            f"To stop these e-mails: {unsubscribe_url}",
        ),
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def form_received_sender(note: SubmissionNote) -> Letter:
    """The acknowledgement. It repeats nothing the sender typed: the address may be somebody else's."""
    facts = (("Your tracking number", note.tracking_number),) if note.tracking_number else ()
    return Letter(
        subject=one_line(f"We have received your {_FORM_NAMES[note.kind]}"),
        opening=greeting(note.name),
        paragraphs=(
            f"Thank you. Your {_FORM_NAMES[note.kind]} has arrived, and a person will read it.",
            "We answer as soon as we can, usually within a few working days.",
        ),
        facts=facts,
        after_link=("If you did not send us anything, you can ignore this message.",),
    )


def form_received_team(note: SubmissionNote, *, url: str) -> Letter:
    """For our own inbox. A referral's participant is not named: the details are read after signing in."""
    labels = {"contact": "Contact", "interest": "Interest", "referral": "Referral"}
    title = note.tracking_number or note.subject or note.name
    facts = [("From", note.name), ("E-mail", note.email), ("Received", f"{note.submitted_at:%Y-%m-%d %H:%M} UTC")]
    if note.subject:
        facts.append(("Subject", note.subject))
    if note.topics:
        facts.append(("About", ", ".join(note.topics)))
    if note.urgency:
        facts.append(("Urgency", note.urgency))
    if note.tracking_number:
        facts.append(("Tracking number", note.tracking_number))
    return Letter(
        subject=one_line(f"{labels[note.kind]}: {title}"),
        opening="Hello,",
        paragraphs=(f"A new {_FORM_NAMES[note.kind]} has arrived.",),
        facts=tuple(facts),
        quote=note.message,
        link=("Open it", url),
        after_link=("Answering this message writes to the sender.",),
    )


def _duration(lasts: timedelta) -> str:
    """`15 minutes`, `24 hours`, `3 days`: rounded down, at least a minute."""
    minutes = max(1, int(lasts.total_seconds()) // 60)
    for size, word in ((2880, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // (1440 if word == "day" else size)
            return f"{count} {word}" if count == 1 else f"{count} {word}s"
    return "1 minute"
