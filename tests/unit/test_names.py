"""What is taken for a name, and how one is searched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.accounts import MAX_NAME
from domain.kernel.errors import Invalid
from domain.kernel.names import clean_name, fold, words

NAMES = [
    "Ada",
    "Ng",
    "X",
    "José María",
    "O'Brien-Smith",
    "Dr. Ada K. Lovelace, PhD",
    "R2",
    "\u0410\u043d\u043d\u0430 Smith",  # two alphabets, a word each
    "\u5c71\u7530 \u592a\u90ce",
    "I\u015f\u0131k \u018fliyev",
    "\u0627\u0644\u0640\u06cc\u200c\u0627\u0647",  # with a zero-width non-joiner
    "Ada \U0001f600",
]


@pytest.mark.parametrize("name", NAMES)
def test_peoples_names_are_taken(name: str) -> None:
    assert clean_name(name) == name


def test_spaces_and_line_breaks_become_single_spaces() -> None:
    assert clean_name("  Ada \t\n King\u00a0 Lovelace ") == "Ada King Lovelace"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "no_letter"),
        ("...", "no_letter"),
        ("\u200d\u200d", "no_letter"),
        ("a" * 101, "too_long"),
        ("Ada\u202egnp", "invisible_character"),
        ("Ada\u200b", "invisible_character"),
        ("\ufeffAda", "invisible_character"),
        ("Ada\x07", "invisible_character"),
        ("\u0410dmin", "mixed_scripts"),
        ("Alph\u03b1", "mixed_scripts"),
    ],
)
def test_what_nobody_could_read_or_is_made_to_deceive_is_refused(name: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_name(name)
    assert [(fault.path, fault.code) for fault in refused.value.faults] == [("name", code)]


@given(st.text(max_size=200))
def test_a_clean_name_stays_as_it_is(text: str) -> None:
    try:
        name = clean_name(text)
    except Invalid:
        return
    assert clean_name(name) == name
    assert 0 < len(name) <= MAX_NAME
    assert "\n" not in name


@given(st.text(max_size=60))
def test_folding_is_settled_after_once_and_blind_to_case(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(text.upper().lower()) == fold(text.lower().lower()) or not text.isascii()


@given(st.text(max_size=60))
def test_words_are_found_by_themselves(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found
