"""E-mail addresses: one mailbox, one account; nothing that passes for another address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.addresses import clean_email
from domain.kernel.errors import Invalid


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("ada@example.org", "ada@example.org"),
        ("  Ada.Lovelace@Example.ORG ", "ada.lovelace@example.org"),
        ("\uff41da@example.org", "ada@example.org"),  # full-width a
        ("ada@ex\uff41mple\uff0eorg", "ada@example.org"),
        ("STRASSE@example.org", "strasse@example.org"),
        ("straße@example.org", "strasse@example.org"),
        ("ada+courses@example.org", "ada+courses@example.org"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("jose\u0301@example.org", "jos\u00e9@example.org"),
        ("用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"),
        ("用户@xn--fsqu00a.xn--4rr70v", "用户@xn--fsqu00a.xn--4rr70v"),
        ("иван@xn--80a1acny.xn--p1ai", "иван@xn--80a1acny.xn--p1ai"),
        ("info@почта.рф", "info@xn--80a1acny.xn--p1ai"),
        ("иван-1@почта.рф", "иван-1@xn--80a1acny.xn--p1ai"),
        ("1984@example.org", "1984@example.org"),
        ("иван@почта.рф", "иван@xn--80a1acny.xn--p1ai"),
        ("さとうカナ漢@example.jp", "さとうカナ漢@example.jp"),
    ],
)
def test_spellings_of_one_mailbox_have_one_canonical_form(typed: str, canonical: str) -> None:
    assert clean_email(typed).canonical == canonical


def test_mail_goes_to_the_local_part_as_typed() -> None:
    assert clean_email("Ada@EXAMPLE.org").text == "Ada@example.org"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@localhost",
        "ada@127.0.0.1",
        "ada@[127.0.0.1]",
        "ada@example..org",
        "ada@-example.org",
        "ada@exam_ple.org",
        ".ada@example.org",
        "ada.@example.org",
        "a..da@example.org",
        "ada lovelace@example.org",
        '"ada"@example.org',
        "ada@example.org\x00",
        "ada\n@example.org",
        "ad\u200ba@example.org",  # zero-width space
        "ad\u202ea@example.org",  # right-to-left override
        "ad\ud800a@example.org",
        "a" * 65 + "@example.org",
        "ada@" + "x" * 64 + ".org",
        "ada@" + ".".join(["x" * 60] * 5) + ".org",
        "\u0430da@example.org",  # Cyrillic a
        "\u0430\u0441\u0435@example.org",  # all Cyrillic before an ASCII domain
        "ad\u03b1@example.org",  # Greek alpha
        "ada@ex\u0430mple.org",
        "\u0251da@example.org",  # Latin alpha
        "adm\u0131n@example.org",  # dotless i
        "a\u0301\u0302\u0303\u0304da\u0489@example.org",
        "ada@xn--exmple-4nf.org",  # the same as an A-label
        "ada@xn--a.org",  # no A-label at all
        "ada😀@example.org",
    ],
)
def test_what_is_no_address_or_passes_for_another_is_refused_without_repeating_it(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_email(typed)
    assert [(fault.path, fault.code) for fault in refused.value.faults] == [("email", "email")]
    assert not typed or typed not in str(refused.value)


@given(st.text(max_size=40), st.sampled_from(["example.org", "bücher.example", "例子.广告", "почта.рф"]))
def test_the_canonical_form_is_a_fixed_point(local: str, domain: str) -> None:
    try:
        address = clean_email(f"{local}@{domain}")
    except Invalid:
        return
    assert clean_email(address.text).key == address.key
    assert clean_email(address.canonical).key == address.key
