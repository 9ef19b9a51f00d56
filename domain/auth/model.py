"""Sessions: one sign-in on one device, and the pure rules about it. Walk: `docs/flows/refresh.md`."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import Enum
from itertools import takewhile
from typing import Any, Final

from domain.kernel.accounts import Account
from domain.kernel.cache import SessionState
from domain.kernel.clock import to_iso
from domain.kernel.ids import uuid7_time

MAX_SESSIONS: Final = 50
"""More devices than anybody has: a script that signs in each time must not pile them up."""
MAX_ROTATIONS_KEPT: Final = 8
"""A client that rotates oftener within the grace than this has no lost answers to repeat."""
WEEK_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Client:
    """Who is at the other end. *network* is what failures are counted by: the address, or an IPv6 /64."""

    ip: str = field(repr=False)
    network: str = field(repr=False)
    device: str


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    refresh_ttl: timedelta
    """Sliding: from the last refresh."""
    session_ttl: timedelta
    """Absolute: from the sign-in."""
    reuse_grace: timedelta


@dataclass(frozen=True, slots=True)
class Session:
    """*generation* counts the refresh tokens given out; only the latest is good, but for the grace."""

    id: str
    user_id: str
    epoch: int
    """The account's epoch at sign-in: a later one ends the session."""
    generation: int
    rotated: tuple[datetime, ...]
    """When generation - 1, - 2, … were turned in, as far back as the grace reaches."""
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    """The sliding end, never after *ends_at*."""
    ends_at: datetime
    device: str
    ip: str = field(repr=False)
    revoked_at: datetime | None = None


def keep_latest(session_id: str, earlier: tuple[str, ...], since: datetime) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sign-ins to remember, with the new one, and those to end. What began before *since* is over anyway."""
    alive = (session_id, *(each for each in earlier if uuid7_time(each) > since))
    return alive[:MAX_SESSIONS], alive[MAX_SESSIONS:]


class Verdict(Enum):
    """What presenting a genuine refresh token means."""

    ROTATE = "rotate"
    """The latest token: answer with its successor."""
    REPEAT = "repeat"
    """Turned in a moment ago, by a twin tab or in an answer that got lost: the same successor once more."""
    REUSED = "reused"
    """Turned in long ago: somebody has a copy. The session ends."""
    ENDED = "ended"
    """The session was revoked, and says so itself."""
    LOST = "lost"
    """Gone, of an earlier epoch, or of a suspended account; or just what a replica that lags behind shows."""
    EXPIRED = "expired"
    AHEAD = "ahead"
    """Newer than what we read, so we read a stale copy: read again."""


def begin(session_id: str, account: Account, client: Client, now: datetime, policy: SessionPolicy) -> Session:
    """The session of a sign-in, now."""
    ends_at = now + policy.session_ttl
    if account.guest_until is not None:
        ends_at = min(ends_at, account.guest_until)
    return Session(
        id=session_id,
        user_id=account.id,
        epoch=account.epoch,
        generation=1,
        rotated=(),
        created_at=now,
        last_used_at=now,
        expires_at=min(now + policy.refresh_ttl, ends_at),
        ends_at=ends_at,
        device=client.device,
        ip=client.ip,
    )


def stands(session: Session, account: Account, now: datetime) -> bool:
    """Whether the session is still one."""
    ended = session.revoked_at is not None or session.epoch != account.epoch or account.suspended
    return not ended and now < session.expires_at


def state_of(session: Session | None, account: Account | None, now: datetime) -> SessionState:
    """What the cache remembers. An item that is gone belongs to a session that is over."""
    if session is None or account is None or not stands(session, account, now):
        return REVOKED
    return SessionState(revoked=False, role=account.role.value, verified=account.verified, guest=account.is_guest)


REVOKED: Final = SessionState(revoked=True, role="", verified=False)


def judge(
    session: Session | None, account: Account | None, generation: int, now: datetime, grace: timedelta
) -> Verdict:
    """Decide what presenting the token of *generation* at *now* means. Pure; no I/O."""
    if session is not None and session.revoked_at is not None:
        return Verdict.ENDED
    if session is None or account is None:
        return Verdict.LOST
    if now >= session.expires_at:
        return Verdict.EXPIRED
    if not stands(session, account, now):
        return Verdict.LOST
    return _judge_generation(session, generation, now, grace)


def _judge_generation(session: Session, generation: int, now: datetime, grace: timedelta) -> Verdict:
    age = session.generation - generation
    if age < 0:
        return Verdict.AHEAD
    if age == 0:
        return Verdict.ROTATE
    turned_in = session.rotated[age - 1] if age <= len(session.rotated) else None
    return Verdict.REPEAT if turned_in is not None and now - turned_in <= grace else Verdict.REUSED


def rotate(session: Session, ip: str, now: datetime, policy: SessionPolicy) -> Session:
    """The session after its latest token was turned in at *now*."""
    recent = takewhile(lambda moment: now - moment <= policy.reuse_grace, session.rotated)
    return replace(
        session,
        generation=session.generation + 1,
        rotated=(now, *recent)[:MAX_ROTATIONS_KEPT],
        last_used_at=now,
        expires_at=min(now + policy.refresh_ttl, session.ends_at),
        ip=ip,
    )


def visited(account: Account, now: datetime) -> dict[str, Any]:
    """The account's members that being here at *now* changes: a sign-in, or a day's first refresh."""
    streak = next_streak(account.login_streak, account.streak_on, now.date())
    changes: dict[str, Any] = {"loginStreak": streak, "streakOn": now.date().isoformat()}
    if streak >= WEEK_DAYS and account.week_streak_at is None:
        changes["weekStreakAt"] = to_iso(now)
    return changes


def next_streak(streak: int, streak_on: date | None, today: date) -> int:
    """Days in a row with *today*: one more after yesterday, the same within a day, else a new start."""
    if streak_on == today:
        return streak
    return streak + 1 if streak_on == today - timedelta(days=1) else 1
