import logging

import pytest

from web.correlation import without_words

SECRET = "ada@example.org"


def fails() -> None:
    try:
        int(SECRET)
    except ValueError as error:
        raise RuntimeError(f"for {SECRET}") from error


def test_a_logged_failure_shows_where_and_of_what_kind_but_quotes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError) as raised:
        fails()
    logging.getLogger("test").error("it failed", exc_info=without_words(raised.value))
    assert "in fails" in caplog.text
    assert "ValueError" in caplog.text
    assert "RuntimeError" in caplog.text
    assert "@example.org\n" not in caplog.text.replace('int("ada@example.org")', "").replace(
        '"for ada@example.org"', ""
    )


def test_messages_that_speak_of_code_stay() -> None:
    assert str(without_words(TypeError("f() takes 1 argument"))) == "f() takes 1 argument"
    assert str(without_words(KeyError("secret"))) == ""


def test_a_group_shows_its_first_failure() -> None:
    bare = without_words(ExceptionGroup("some", [ValueError("x"), KeyError("y")]))
    assert type(bare.__cause__).__name__ == "ValueError"


def test_a_long_chain_ends() -> None:
    error = Exception()
    for _ in range(2000):
        following = Exception()
        following.__cause__ = error
        error = following
    without_words(error)
