"""The items that more than one feature reads."""

from datetime import timedelta

from domain.kernel.accounts import Account, Preferences, account_item, read_account
from domain.kernel.activity import Activity, activity_item, read_activity
from domain.kernel.people import Person, person_item, person_key, read_person
from tests.factories import ManualClock

ADA = "01890a5d-ac96-774b-bcce-b302099a8057"
NOW = ManualClock().now()


def test_an_account_comes_back_from_its_item() -> None:
    account = Account(
        id=ADA,
        email="ada@example.org",
        name="Ada",
        role="mentor",
        status="active",
        verified=True,
        created_at=NOW,
        updated_at=NOW + timedelta(seconds=1),
        version=7,
        avatar="f",
        last_login_at=NOW,
        preferences=Preferences(notifications=False, email_updates=False, theme="dark"),
    )
    assert read_account(account_item(account)) == account
    assert "ada" not in repr(account).lower()


def test_members_of_other_features_do_not_disturb() -> None:
    account = Account(
        ADA, "a@b.c", "Ada", "user", "pending_verification", verified=False, created_at=NOW, updated_at=NOW
    )
    assert read_account(account_item(account) | {"passwordHash": "x"}) == account
    assert not account.listed


def test_an_activity_and_a_person_come_back_from_their_items() -> None:
    activity = Activity(id=ADA, code="signed_in", at=NOW, device="Firefox", ip="192.0.2.1", details={"sessionId": "s"})
    item = activity_item(ADA, activity)
    assert item["ttl"] == 400 * 86400
    assert read_activity(item) == activity
    person = Person(ADA, "Ada", None, "active")
    assert read_person(person_item(person, version=3)) == person
    assert (person_item(person, version=3)["pk"], person_item(person, version=3)["id"]) == person_key(ADA)
