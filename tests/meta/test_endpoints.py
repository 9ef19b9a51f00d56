"""Rules that every endpoint keeps."""

import ast
import inspect
from pathlib import Path

import pytest
from openapi_spec_validator import validate

import function_app
from blueprints import access
from devhost.functions import functions_of
from tests.golden import OPENAPI, openapi_text
from web.access import Access
from web.declaration import ENDPOINTS, Endpoint
from web.errors import CODES
from web.openapi import describe

ROOT = Path(__file__).parents[2]
CATCH_ALL = "unrouted"
WITHOUT_KEY: dict[str, str] = {}
"""Creating POSTs that take no `Idempotency-Key`, and why they need none."""


def endpoints() -> list[Endpoint]:
    return sorted(ENDPOINTS.values(), key=lambda each: each.name)


def test_every_http_function_is_a_declared_endpoint() -> None:
    functions = {each.name for each in functions_of(function_app.app) if each.kind == "httpTrigger"}
    assert functions == {*ENDPOINTS, CATCH_ALL}


def test_every_endpoint_names_a_rule_about_who_may_call_it() -> None:
    rules = {id(rule) for rule in vars(access).values() if isinstance(rule, Access)}
    assert [each.name for each in endpoints() if id(each.access) not in rules] == []


def test_every_endpoint_says_what_it_does() -> None:
    assert [each.name for each in endpoints() if not each.summary.endswith(".")] == []


def test_every_code_an_endpoint_declares_exists() -> None:
    assert [(each.name, code) for each in endpoints() for code in each.errors if code not in CODES] == []


def test_every_creating_post_can_be_repeated_safely() -> None:
    creating = {each.name: each for each in endpoints() if each.method == "POST" and each.status == 201}
    unsafe = {name for name, each in creating.items() if not (each.idempotent or each.replays_itself)}
    assert unsafe == set(WITHOUT_KEY)


def test_only_reads_carry_entity_tags() -> None:
    assert [each.name for each in endpoints() if each.etag and each.method != "GET"] == []


def test_bodies_refuse_what_they_do_not_know() -> None:
    bodies = {each.takes for each in endpoints() if each.takes is not None}
    assert [body.__name__ for body in bodies if not body.__struct_config__.forbid_unknown_fields] == []


def test_the_description_is_valid() -> None:
    validate(describe(ENDPOINTS.values()))


def test_the_golden_description_is_the_present_one() -> None:
    if OPENAPI.read_text("utf-8") != openapi_text():
        pytest.fail("The API has changed: run `make golden`, and read the diff of docs/openapi.json.")


def trees() -> list[tuple[str, ast.Module]]:
    files = [*(ROOT / "blueprints").glob("*.py"), *(ROOT / "web").glob("*.py")]
    return [(str(file.relative_to(ROOT)), ast.parse(file.read_text("utf-8"))) for file in files]


def test_blueprints_catch_nothing_and_write_no_json() -> None:
    """Failures become replies at the edge, once; a `try` in a handler would hide one."""
    found = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        if name.startswith("blueprints")
        for node in ast.walk(tree)
        if isinstance(node, ast.Try | ast.TryStar) or (isinstance(node, ast.Attribute) and node.attr == "dumps")
    ]
    assert found == []


def test_nothing_is_wrapped() -> None:
    """The worker follows `__wrapped__` to the handler and refuses the function (worker issue 1168)."""
    found = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in {"wraps", "update_wrapper"})
        or (isinstance(node, ast.alias) and node.name in {"wraps", "update_wrapper"})
    ]
    assert found == []
    for function in functions_of(function_app.app):
        assert not hasattr(function._call, "__wrapped__"), function.name
        for kind in inspect.signature(function._call).parameters.values():
            assert isinstance(kind.annotation, type), function.name
