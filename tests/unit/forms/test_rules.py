"""What a form must hold, and what is made of where it came from."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.forms.model import tracking_number
from domain.forms.rules import check_form, is_phone, network_of, search_text, user_agent_of
from domain.kernel.errors import Invalid
from tests.factories import a_contact, a_referral


@pytest.mark.parametrize(
    "phone",
    [
        "+1 (555) 010-0123",
        "555.010.0123",
        "020 7946 0018",
        "+49 30/901820",
        "5550100123 x42",
        "555 0123 ext. 7",
        "12345",
    ],
)
def test_numbers_as_people_write_them_are_taken(phone: str) -> None:
    assert is_phone(phone)


@pytest.mark.parametrize("phone", ["", "1234", "call me", "+", "555\n010 0123", "1" * 22, "555 0123 ext", "\uff15" * 6])
def test_what_is_no_number_is_not(phone: str) -> None:
    assert not is_phone(phone)


@given(st.text(max_size=40))
def test_any_text_is_judged_without_fuss(text: str) -> None:
    assert is_phone(text) in {True, False}


def test_every_fault_is_named_at_once() -> None:
    form = a_referral()
    bad = replace(
        form,
        sender=replace(form.sender, email="nobody", phone="?"),
        participant=replace(form.participant, phone="?"),
        topics=("Housing", "housing"),
    )
    with pytest.raises(Invalid) as refused:
        check_form(bad)
    assert {fault.path for fault in refused.value.faults} == {
        "referrer.email",
        "referrer.phone",
        "participant.phone",
        "services[1]",
    }


def test_addresses_are_read_as_such() -> None:
    form = a_contact()
    checked = check_form(replace(form, sender=replace(form.sender, email="Ada@People.EXAMPLE")))
    assert checked.sender.email == "Ada@people.example"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("unknown", None),
        ("", None),
    ],
)
def test_only_the_network_of_an_address_is_kept(address: str, network: str | None) -> None:
    assert network_of(address) == network


def test_a_browsers_name_is_cut_and_cleaned() -> None:
    assert user_agent_of("Mozilla\x00\n/5.0") == "Mozilla/5.0"
    assert user_agent_of("x" * 1000) == "x" * 256
    assert user_agent_of("\x01") is None
    assert user_agent_of(None) is None


def test_search_looks_through_what_names_a_form_and_no_further() -> None:
    text = search_text(a_referral(), "REF-2026-000001")
    assert text.splitlines() == ["ref-2026-000001", "carol@county.example", "carol", "dan", "county probation"]


def test_a_search_text_never_outgrows_its_column() -> None:
    form = a_contact()
    wide = replace(form, subject="\u0130" * 200, sender=replace(form.sender, name="\U0001f600" * 200))  # İ folds to two
    assert len(search_text(wide, None).encode("utf-16-le")) // 2 <= 2000


@pytest.mark.parametrize(("number", "written"), [(1, "000001"), (999_999, "999999"), (1_000_000, "1000000")])
def test_tracking_numbers_have_six_digits_or_more(number: int, written: str) -> None:
    assert tracking_number(2026, number) == f"REF-2026-{written}"
