"""Valid by default; a test names only what matters to it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.forms.model import Contact, Interest, Participant, Referral, Sender
from domain.kernel.ids import SystemIds

NOON = datetime(2026, 1, 20, 12, 0, tzinfo=UTC)
"""When every test starts."""


class ManualClock:
    """Stands still until it is told to go on."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta | None = None, *, seconds: float = 0, minutes: float = 0, days: float = 0) -> None:
        self._now += (by or timedelta()) + timedelta(seconds=seconds, minutes=minutes, days=days)


def an_environment(data: Path, **more: str) -> dict[str, str]:
    """Settings of an embedded app in *data*: cheap password hashes, and rates nobody meets by accident."""
    rates = ("PUBLIC", "SIGNED_IN", "SIGNUP", "LOGIN", "FORGOT_PASSWORD", "RESET_PASSWORD", "UPLOAD", "FORMS")
    return {
        "APP_ENV": "development",
        "DEVHOST_DATA": str(data),
        "APP_API_URL": "http://localhost:7071",
        "APP_SITE_URL": "http://localhost:3000",
        "APP_ALLOWED_ORIGINS": "http://localhost:3000",
        "APP_COOKIE_SECURE": "false",
        "APP_MAIL_FROM": "T.O.O.L.S Inc <hello@tools.example>",
        "APP_MAIL_TEAM": "team@tools.example",
        "APP_WEB_PUBSUB_CONNECTION_STRING": f"Endpoint=http://localhost:7072;AccessKey={'k' * 44};Version=1.0;",
        "APP_ARGON2_MEMORY_KIB": "8",
        "APP_ARGON2_PASSES": "1",
        **{f"APP_RATE_LIMIT_{name}_PER_MINUTE": "1000000" for name in rates},
        **more,
    }


def ids(clock: ManualClock) -> SystemIds:
    """Ids that count up from the clock's time, the same in every run."""
    return SystemIds(clock, lambda _bits: 0)


def a_contact() -> Contact:
    return Contact(Sender("Ada", "ada@people.example", "+1 555 010 0123"), "A question", "When do you open?")


def an_interest() -> Interest:
    return Interest(Sender("Bob", "bob@people.example"), ("welding", "reading"), "evenings", "I have a bus pass.")


def a_referral() -> Referral:
    return Referral(
        sender=Sender("Carol", "carol@county.example", "+1 555 010 0199", "County Probation"),
        participant=Participant("Dan", "dan@people.example", "555 010 0142"),
        topics=("housing", "job search"),
        urgency="high",
        notes="Released on Friday.",
    )
