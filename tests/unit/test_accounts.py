"""The account and what lies beside it in its partition."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from domain.kernel.accounts import Account, Preferences, Role, Status, Theme
from domain.kernel.activity import Activity
from domain.kernel.keys import Key, KeySet
from domain.kernel.links import Link, Purpose, mint_link_token, new_link, read_link_token

NOW = datetime(2026, 1, 20, 16, 30, 0, 123000, tzinfo=UTC)
ADA = "019bdc00-0000-7000-8000-00000000ada0"
LINK = "019bdc00-0000-7000-8000-0000000011c0"
ONE, TWO, THREE = (Key(f"k{n}", bytes([n]) * 32) for n in (1, 2, 3))


def an_account() -> Account:
    return Account(
        id=ADA,
        email="ada@example.org",
        email_key="0" * 64,
        name="Ada",
        password_hash="$argon2id$...",
        created_at=NOW,
        updated_at=NOW,
    )


def test_an_account_survives_the_store() -> None:
    fresh = an_account()
    lived = replace(
        fresh,
        role=Role.MENTOR,
        status=Status.ACTIVE,
        email_verified=True,
        avatar="file",
        preferences=Preferences(notifications=False, email_updates=False, theme=Theme.DARK),
        last_login_at=NOW,
        login_streak=3,
        streak_on=date(2026, 1, 20),
        week_streak_at=NOW,
        epoch=2,
        networks=("203.0.113.7",),
        sessions=(LINK,),
        password_changed_at=NOW,
        sign_up_session="s",
    )
    for account in (fresh, lived):
        assert Account.from_item(account.to_item()) == account


def test_only_an_active_account_with_a_proven_address_counts_as_verified() -> None:
    assert not an_account().verified
    assert not replace(an_account(), email_verified=True).verified
    assert not replace(an_account(), email_verified=True, status=Status.SUSPENDED).verified
    assert replace(an_account(), email_verified=True, status=Status.ACTIVE).verified


def test_an_account_shows_no_personal_data_in_logs() -> None:
    shown = repr(replace(an_account(), networks=("203.0.113.7",)))
    assert not [secret for secret in ("example.org", "Ada", "argon2", "203.0") if secret in shown]


def test_an_activity_survives_the_store() -> None:
    activity = Activity(
        LINK, "signed_in", NOW, ip="203.0.113.7", device="Firefox on Linux", details={"sessionId": LINK}
    )
    assert Activity.from_item(activity.to_item(ADA)) == activity


def a_link(key: Key = ONE, purpose: Purpose = Purpose.VERIFY_EMAIL) -> Link:
    return new_link(key, purpose=purpose, user_id=ADA, link_id=LINK, now=NOW, expires_at=NOW + timedelta(minutes=15))


def a_token(key: Key = ONE, purpose: Purpose = Purpose.VERIFY_EMAIL) -> str:
    return mint_link_token(key, purpose=purpose, user_id=ADA, link_id=LINK)


def test_a_link_is_stored_without_its_token() -> None:
    link = a_link()
    assert Link.from_item(link.to_item()) == link
    assert link.to_item()["ttl"] == 900
    assert a_token() not in str(link.to_item())


def test_a_link_token_names_its_link_under_every_accepted_key_and_no_other() -> None:
    keys = KeySet(current=TWO, previous=ONE)
    name = read_link_token(keys, a_token(ONE), purpose=Purpose.VERIFY_EMAIL)
    assert name is not None
    assert (name.user_id, name.link_id) == (ADA, LINK)
    assert read_link_token(keys, a_token(THREE), purpose=Purpose.VERIFY_EMAIL) is None


def test_a_link_token_is_good_for_one_purpose() -> None:
    assert read_link_token(KeySet(ONE), a_token(ONE), purpose=Purpose.RESET_PASSWORD) is None


def test_a_damaged_link_token_names_nothing() -> None:
    token = a_token()
    for bad in (
        "",
        "x",
        token[:-1],
        token + "A",
        "B" + token[1:],
        token[:-1] + "R",
        token[:-2] + "é!",
        "=" * 8,
        token + "====",
    ):
        assert read_link_token(KeySet(ONE), bad, purpose=Purpose.VERIFY_EMAIL) is None, bad
