"""Codes, statuses and their documentation agree."""

import re
from pathlib import Path

import function_app
from domain.kernel.errors import DomainError
from web.errors import CODES, STATUS

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def every_error(kind: type[DomainError] = DomainError) -> list[type[DomainError]]:
    assert hasattr(function_app, "app")  # every feature is loaded
    return [each for sub in kind.__subclasses__() for each in (sub, *every_error(sub))]


def test_every_error_has_a_code_of_the_contract_with_its_status() -> None:
    wrong = [
        f"{each.__module__}.{each.__name__}"
        for each in every_error()
        if "code" in vars(each) and CODES.get(each.code) != STATUS[each.kind]
    ]
    assert wrong == []


def test_every_code_has_a_section_and_every_section_a_code() -> None:
    sections = dict(re.findall(r"^## `(\w+)` \((\d+)\)$", PAGE.read_text("utf-8"), re.MULTILINE))
    assert {code: int(status) for code, status in sections.items()} == dict(CODES)


def test_messages_are_sentences_that_name_nobody() -> None:
    for each in every_error():
        message = vars(each).get("message")
        if message is not None:
            assert message.endswith("."), each
            assert "@" not in message, each
