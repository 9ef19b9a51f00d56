"""The words we send, and that nobody else can put theirs into them."""

from datetime import timedelta

import pytest

from domain.kernel.submissions import SubmissionNote
from domain.mail.letter import Letter, as_html, as_text, greeting, one_line
from domain.mail.letters import form_received_sender, form_received_team, reset_password, verify_email
from tests.factories import NOON

URL = "http://localhost:7071/api/v1/auth/verify-email?token=abc"


def a_note(**changes: object) -> SubmissionNote:
    given: dict[str, object] = {
        "id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "kind": "contact",
        "submitted_at": NOON,
        "name": "Sam Sender",
        "email": "sam@people.example",
        "subject": "A question",
        "message": "First line\n<script>alert(1)</script>",
        **changes,
    }
    return SubmissionNote(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["Ada", "Zoë O'Brien-Smith", "Dr. Ada K. Łovelace", "日本 花子", "हिन्दी", "J. R."])
def test_a_name_is_greeted(name: str) -> None:
    assert greeting(name) == f"Hello {name},"


@pytest.mark.parametrize(
    "name",
    [
        "You won! https://evil.example",
        "evil.example",
        "Call 0900 123",
        "a" * 61,
        "<b>Ada</b>",
        "ada@evil.example",
        "",
        "   ",
    ],
)
def test_what_is_more_than_a_name_is_not_repeated(name: str) -> None:
    assert greeting(name) == "Hello,"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("A\r\nBcc: eve@evil.example", "A Bcc: eve@evil.example"),
        ("A\u2028B\u0085C\x0bD", "A B C D"),
        ("pay\u202egnp.exe", "paygnp.exe"),
        ("  many   spaces\t", "many spaces"),
        ("x" * 200, "x" * 149 + "…"),
    ],
)
def test_headers_are_one_clean_line(typed: str, kept: str) -> None:
    assert one_line(typed) == kept


def test_html_is_escaped_and_says_what_the_text_says() -> None:
    letter = Letter(
        "S <x>", 'Hi "A" & <b>,', ("One <i>.",), link=("Go", URL + "&x=1"), facts=(("K", "<u>v</u>"),), quote="<q>"
    )
    html, text = as_html(letter), as_text(letter)
    assert "<i>" not in html
    assert "<u>" not in html
    assert "<q>" not in html
    assert "<b>" not in html
    assert "&amp;x=1" in html
    assert "One <i>." in text
    assert f"{URL}&x=1\n" in text
    assert "> <q>" in text


def test_a_letter_loads_nothing_from_elsewhere() -> None:
    html = as_html(verify_email(name="Ada", url=URL, lasts=timedelta(hours=24)))
    assert "<img" not in html
    assert "src=" not in html
    assert html.count("http") == 2  # the button, and the address to copy


@pytest.mark.parametrize(
    ("lasts", "words"),
    [
        (timedelta(minutes=15), "15 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=24), "24 hours"),
        (timedelta(days=3), "3 days"),
        (timedelta(seconds=5), "1 minute"),
    ],
)
def test_it_says_how_long_the_link_lasts(lasts: timedelta, words: str) -> None:
    assert words in as_text(reset_password(name="Ada", url=URL, lasts=lasts))


def test_an_acknowledgement_repeats_nothing_that_was_typed() -> None:
    letter = form_received_sender(a_note(name="Win at evil.example", subject="SPAM", message="SPAM", topics=("SPAM",)))
    assert "SPAM" not in as_text(letter) + as_html(letter) + letter.subject
    assert "evil" not in as_text(letter)


def test_a_referral_tells_the_sender_its_tracking_number() -> None:
    letter = form_received_sender(a_note(kind="referral", tracking_number="REF-2026-000125"))
    assert "REF-2026-000125" in as_text(letter)
    assert letter.subject == "We have received your referral"


def test_the_team_gets_the_message_as_text_never_as_markup() -> None:
    letter = form_received_team(a_note(subject="Hi\r\nBcc: x@evil.example"), url="http://localhost:3000/admin/forms/1")
    assert letter.subject == "Contact: Hi Bcc: x@evil.example"
    assert "<script>" not in as_html(letter)
    assert "> <script>alert(1)</script>" in as_text(letter)
    assert "sam@people.example" in as_text(letter)
