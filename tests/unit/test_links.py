"""Links in e-mails: tokens that only the keys can make, and the store alone cannot."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.kernel.keys import Key
from domain.kernel.links import Link, LinkPurpose, link_item, mint_token, opens, read_link, read_token, token_hash
from tests.factories import ManualClock

ADA = "01890a5d-ac96-774b-bcce-b302099a8057"
LINK_ID = "01890a5d-ac96-774b-bcce-b302099a8058"
KEY = Key("k1", b"k" * 32)
VERIFY, RESET = LinkPurpose.VERIFY_EMAIL, LinkPurpose.RESET_PASSWORD
NOW = ManualClock().now()


def a_token(key: Key = KEY, purpose: LinkPurpose = VERIFY) -> str:
    return mint_token(key, purpose, user_id=ADA, link_id=LINK_ID)


def a_link() -> Link:
    return Link(LINK_ID, ADA, VERIFY, "k1", token_hash(a_token()), NOW + timedelta(minutes=15))


def test_a_token_names_its_link_and_opens_it() -> None:
    ids = read_token(a_token())
    assert ids is not None
    assert (ids.user_id, ids.link_id) == (ADA, LINK_ID)
    assert opens(a_link(), a_token(), purpose=VERIFY, now=NOW)


def test_the_worker_makes_the_same_token_again() -> None:
    assert a_token() == a_token()
    assert len(a_token()) == 86


def test_another_key_purpose_or_moment_does_not_open_it() -> None:
    assert not opens(a_link(), a_token(Key("k1", b"x" * 32)), purpose=VERIFY, now=NOW)
    assert not opens(a_link(), a_token(purpose=RESET), purpose=VERIFY, now=NOW)
    assert not opens(a_link(), a_token(), purpose=RESET, now=NOW)
    assert not opens(a_link(), a_token(), purpose=VERIFY, now=NOW + timedelta(minutes=15))


@pytest.mark.parametrize(
    "token", ["", "a", "=" * 86, "é" * 86, "A" * 85, "A" * 87, a_token() + "=", a_token() + "\n", a_token()[:-1] + "_"]
)
def test_what_cannot_be_a_token_names_nothing(token: str) -> None:
    assert read_token(token) is None


def test_the_item_holds_no_token_and_comes_back_as_the_link() -> None:
    item = link_item(a_link(), now=NOW)
    assert a_token() not in str(item)
    assert item["ttl"] == 15 * 60 + 86400
    assert read_link(item) == a_link()
    assert read_link(link_item(replace(a_link(), purpose=RESET), now=NOW)).purpose is RESET
