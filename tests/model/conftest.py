import pytest

pytest.register_assert_rewrite("tests.model.check", "tests.model.ledger")
