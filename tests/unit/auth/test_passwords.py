"""Which passwords are taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.passwords.common import CommonPasswordList
from domain.auth.passwords import MAX_CHARS, MIN_CHARS, clean_password
from domain.kernel.errors import Invalid

COMMON = CommonPasswordList()
ABOUT = ("Ermintrude O'Hara-Smith", "mintie.ohara@people.example")


def clean(password: str) -> str:
    return clean_password(password, COMMON, about=ABOUT, path="password")


def fault(password: str) -> str:
    with pytest.raises(Invalid) as refused:
        clean(password)
    (only,) = refused.value.faults
    assert only.path == "password"
    return only.code


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "Tr0ub4dor&3 goes home",
        "vier blauwe fietsen",
        "我的密码是一句很长的话",
        "blue-Kettle-97",
        "  spaces count  ",
        "Zx9!kQ2m",
        "ermintrude likes blue cheese",
        "x" * 60 + "y" * 68,
    ],
)
def test_a_long_uncommon_password_is_taken(password: str) -> None:
    assert clean(password) == password


def test_length_is_counted_in_code_points_after_normalising() -> None:
    assert fault("Zx9!kQ2") == "too_short"
    assert fault("e\u0301" * 7) == "too_short"
    assert fault("ab-" * 43) == "too_long"
    assert len(clean("kq7-" * 3 + "ü" * (MAX_CHARS - 12))) == MAX_CHARS


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "PASSWORD",
        "Password1",
        "password123!",
        "p@ssw0rd",
        "P@$$w0rd2026",
        "12345678",
        "1234567890",
        "qwertyuiop",
        "qwerty123",
        "iloveyou",
        "sunshine2024!",
        "letmein123",
        "trustno1",
        "\uff50assword",
        "aaaaaaaa",
        "abababab",
        "abcabcabc",
        "abcdefgh",
        "87654321",
        "hgfedcba",
        "1qaz2wsx",
    ],
)
def test_a_common_password_is_refused_however_it_is_dressed_up(password: str) -> None:
    assert fault(password) == "common_password"


@pytest.mark.parametrize(
    "password",
    ["ermintrude", "Ermintrude1978", "mintie.ohara", "ohara-smith", "MackChat2026", "toolsinc-1", "smithermintrude"],
)
def test_a_password_made_of_what_is_known_of_the_person_is_refused(password: str) -> None:
    assert fault(password) == "derived_password"


def test_two_keyboards_type_the_same_password() -> None:
    assert clean("cafe\u0301 no\u00ebl 9") == clean("caf\u00e9 noe\u0308l 9")


@given(st.text(max_size=140))
def test_any_text_is_taken_or_refused_and_what_is_taken_stays_the_same(text: str) -> None:
    try:
        password = clean(text)
    except Invalid:
        return
    assert MIN_CHARS <= len(password) <= MAX_CHARS
    assert clean(password) == password


def test_the_list_is_lower_case_and_sizeable() -> None:
    known = COMMON._known
    assert len(known) > 2000
    assert all(password == password.casefold() for password in known)
