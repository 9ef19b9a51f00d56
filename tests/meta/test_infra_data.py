"""The Bicep gets containers, indexes and queues from the code."""

from tests.golden import INFRA_DATA, infra_text


def test_the_data_of_the_infrastructure_is_the_code() -> None:
    assert INFRA_DATA.read_text("utf-8") == infra_text(), "run `make golden`"
