"""What presenting a refresh token means: pure rules, over drawn histories."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.auth.devices import describe_device
from domain.auth.model import (
    Client,
    Session,
    SessionPolicy,
    Verdict,
    begin,
    judge,
    next_streak,
    rotate,
    state_of,
)
from domain.auth.records import read_session, session_item
from domain.auth.refresh_tokens import mint_refresh_token, read_refresh_token
from domain.kernel.accounts import Account, Status
from domain.kernel.keys import Key, KeySet
from tests.factories import NOON

POLICY = SessionPolicy(timedelta(days=7), timedelta(days=30), timedelta(seconds=10))
CLIENT = Client("203.0.113.7", "203.0.113.7", "Firefox on Linux")
ADA = Account(
    id="019bdc00-0000-7000-8000-00000000ada0",
    email="ada@people.example",
    email_key="k",
    name="Ada",
    password_hash="$argon2id$",
    created_at=NOON,
    updated_at=NOON,
    status=Status.ACTIVE,
    email_verified=True,
)
SESSION = begin("019bdc00-0000-7000-8000-0000000005e5", ADA, CLIENT, NOON, POLICY)


def verdict(session: Session, generation: int, *, after: timedelta, account: Account = ADA) -> Verdict:
    return judge(session, account, generation, NOON + after, POLICY.reuse_grace)


def test_the_latest_token_rotates() -> None:
    assert verdict(SESSION, 1, after=timedelta(days=6)) is Verdict.ROTATE


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, Verdict.REPEAT), (10, Verdict.REPEAT), (11, Verdict.REUSED), (86400, Verdict.REUSED)]
)
def test_a_token_turned_in_repeats_within_the_grace_only(seconds: int, expected: Verdict) -> None:
    rotated = rotate(SESSION, "ip", NOON, POLICY)
    assert verdict(rotated, 1, after=timedelta(seconds=seconds)) is expected


def test_the_grace_runs_from_each_tokens_own_rotation() -> None:
    once = rotate(SESSION, "ip", NOON, POLICY)
    twice = rotate(once, "ip", NOON + timedelta(seconds=6), POLICY)
    assert verdict(twice, 1, after=timedelta(seconds=8)) is Verdict.REPEAT
    assert verdict(twice, 1, after=timedelta(seconds=12)) is Verdict.REUSED
    assert verdict(twice, 2, after=timedelta(seconds=12)) is Verdict.REPEAT


def test_a_token_newer_than_the_copy_read_asks_for_another_read() -> None:
    assert verdict(SESSION, 2, after=timedelta()) is Verdict.AHEAD


def test_a_session_ends_seven_days_after_its_last_use_and_thirty_after_its_first() -> None:
    assert verdict(SESSION, 1, after=timedelta(days=7)) is Verdict.EXPIRED
    session, day = SESSION, 0
    while day < 30:
        assert verdict(session, session.generation, after=timedelta(days=day)) is Verdict.ROTATE
        session = rotate(session, "ip", NOON + timedelta(days=day), POLICY)
        day += 6
    assert verdict(session, session.generation, after=timedelta(days=30)) is Verdict.EXPIRED


@pytest.mark.parametrize(
    "account", [replace(ADA, epoch=1), replace(ADA, status=Status.SUSPENDED)], ids=["a later epoch", "suspended"]
)
def test_the_account_can_end_every_session(account: Account) -> None:
    assert verdict(SESSION, 1, after=timedelta(), account=account) is Verdict.LOST
    assert state_of(SESSION, account, NOON).revoked


def test_a_session_or_an_account_that_is_gone_is_over() -> None:
    assert judge(None, ADA, 1, NOON, POLICY.reuse_grace) is Verdict.LOST
    assert judge(SESSION, None, 1, NOON, POLICY.reuse_grace) is Verdict.LOST
    assert state_of(None, ADA, NOON).revoked
    assert state_of(SESSION, None, NOON).revoked


def test_a_session_survives_the_store() -> None:
    lived = replace(rotate(rotate(SESSION, "ip", NOON, POLICY), "ip", NOON, POLICY), revoked_at=NOON)
    for session in (SESSION, lived):
        assert read_session(session_item(session, NOON)) == session
    assert session_item(SESSION, NOON)["ttl"] == 7 * 86400 + 1


@given(st.lists(st.tuples(st.floats(0, 40), st.integers(0, 5)), max_size=25))
def test_over_any_history_a_late_replay_ends_the_session_and_nothing_else_does(
    steps: list[tuple[float, int]],
) -> None:
    """Each step waits some seconds, then presents one of the last six tokens."""
    session, now = SESSION, NOON
    turned_in: dict[int, float] = {}
    elapsed, seen = 0.0, {1}
    for wait, back in steps:
        elapsed += wait
        now = NOON + timedelta(seconds=elapsed)
        generation = max(1, session.generation - back)
        outcome = judge(session, ADA, generation, now, POLICY.reuse_grace)
        if generation == session.generation:
            assert outcome is Verdict.ROTATE
            turned_in[generation] = elapsed
            session = rotate(session, "ip", now, POLICY)
            assert session.generation not in seen
            seen.add(session.generation)
        elif elapsed - turned_in[generation] <= 9.99:
            assert outcome is Verdict.REPEAT
        elif elapsed - turned_in[generation] >= 10.01:
            assert outcome is Verdict.REUSED
            session = replace(session, revoked_at=now)
            break
    if session.revoked_at is not None:
        for generation in range(1, session.generation + 1):
            assert judge(session, ADA, generation, now, POLICY.reuse_grace) is Verdict.ENDED


ONE, TWO = Key("a", b"1" * 32), Key("b", b"2" * 32)


def a_token(key: Key = ONE, generation: int = 7) -> str:
    return mint_refresh_token(key, user_id=ADA.id, session_id=SESSION.id, generation=generation)


def test_a_refresh_token_says_the_same_each_time_and_another_each_generation() -> None:
    assert a_token() == a_token()
    assert a_token() != a_token(generation=8)
    name = read_refresh_token(KeySet(ONE), a_token())
    assert name is not None
    assert (name.user_id, name.session_id, name.generation) == (ADA.id, SESSION.id, 7)


def test_a_refresh_token_outlives_a_rotation_of_the_keys_and_no_more() -> None:
    assert read_refresh_token(KeySet(TWO, previous=ONE), a_token()) is not None
    assert read_refresh_token(KeySet(TWO, next=ONE), a_token()) is not None
    assert read_refresh_token(KeySet(TWO), a_token()) is None


@given(st.integers(0, 91 * 6 - 1))
def test_a_refresh_token_with_any_bit_changed_is_not_genuine(bit: int) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = a_token()
    position, mask = divmod(bit, 6)
    changed = alphabet[alphabet.index(token[position]) ^ (1 << mask)]
    assert read_refresh_token(KeySet(ONE), token[:position] + changed + token[position + 1 :]) is None


@pytest.mark.parametrize("token", ["", "x", "é", "=", "A" * 91, "A" * 10_000, a_token() + "A", a_token()[:-1]])
def test_what_is_no_refresh_token_is_not_genuine(token: str) -> None:
    assert read_refresh_token(KeySet(ONE), token) is None


@pytest.mark.parametrize(
    ("streak", "on", "expected"),
    [(0, None, 1), (4, date(2026, 1, 20), 4), (4, date(2026, 1, 19), 5), (4, date(2026, 1, 18), 1)],
)
def test_a_streak_counts_days_in_a_row(streak: int, on: date | None, expected: int) -> None:
    assert next_streak(streak, on, date(2026, 1, 20)) == expected


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0 Safari/537.36 Edg/120.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/120.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14) Version/17.0 Safari/605.1", "Safari on Mac"),
        ("curl/8.5", "curl"),
        ("<script>alert(1)</script>", "Unknown device"),
        ("", "Unknown device"),
        (None, "Unknown device"),
    ],
)
def test_a_device_is_described_in_our_own_words(user_agent: str | None, device: str) -> None:
    assert describe_device(user_agent) == device
