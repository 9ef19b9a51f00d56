"""Reads our Bicep: a file's statements, and the value of an expression in main.bicep."""

import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
BICEP: Final = ROOT / "infra" / "bicep"
CHECK: Final = Path(__file__).parent / "bicep_check"
TENANT: Final = "11111111-1111-4111-8111-111111111111"


@cache
def _parser() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bicepparse", CHECK / "bicepparse.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bicepparse"] = module
    spec.loader.exec_module(module)
    return module


def statements(path: Path) -> list[Any]:
    return list(_parser().parse(path.read_text("utf-8")))


def resources(path: Path) -> dict[str, Any]:
    """Those that are declared, by symbol; `existing` ones are not."""
    return {node.name: node for node in statements(path) if node.k == "resource" and not node.existing}


def members(node: Any) -> dict[str, Any]:
    """Of an object, or of the body of a resource, a module, a loop or a condition."""
    while node.k in {"resource", "module", "for", "if"}:
        node = node.body
    assert node.k == "obj", node
    return {key: value for key, value, _ in node.items}


def at(node: Any, path: str) -> Any:
    """What lies below *node* at `a.b.c`; KeyError where nothing does."""
    for name in path.split("."):
        node = members(node)[name]
    return node


def plain(node: Any) -> Any:
    """A literal's value."""
    match node.k:
        case "obj":
            return {key: plain(value) for key, value, _ in node.items}
        case "arr":
            return [plain(item) for item in node.items]
        case "str":
            (text,) = node.parts
            return text
        case "un":
            return -plain(node.e)
    return node.v


ENVIRONMENT: Final = {
    "TOOLS_SITE_URL": "https://tools.example",
    "TOOLS_OPERATORS_NAME": "tools-operators",
    "TOOLS_OPERATORS_ID": "44444444-4444-4444-8444-444444444444",
    "TOOLS_TEAM_EMAIL": "team@tools.example",
    "TOOLS_ALERT_EMAIL": "ops@tools.example",
    "TOOLS_BUDGET_START": "2026-12-01",
}
"""What an organisation has to say; the rest has defaults."""


def _read_environment(name: str, *default: str) -> str:
    return ENVIRONMENT[name] if not default else default[0]


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "bool": lambda text: text.lower() == "true",
    "empty": lambda value: not value,
    "int": int,
    "join": lambda parts, between: between.join(parts),
    "loadJsonContent": lambda path: json.loads((BICEP / path).read_text("utf-8")),
    "readEnvironmentVariable": _read_environment,
    "resourceGroup": lambda: {"id": "/subscriptions/s/resourceGroups/g", "location": "westeurope"},
    "string": str,
    "take": lambda text, count: text[:count],
    "tenant": lambda: {"tenantId": TENANT},
    "union": lambda first, second: list(dict.fromkeys(first + second)),
    "uniqueString": lambda *_seeds: "abcdefghijklm",
}


class Template:
    """main.bicep with one parameter file. *outputs* are the modules' outputs, which only Azure would know."""

    def __init__(self, parameter_file: str, outputs: Mapping[str, str]) -> None:
        nodes = statements(BICEP / "main.bicep")
        self._symbols = {node.name: node for node in nodes if node.k in {"param", "var", "module"}}
        given = statements(BICEP / parameter_file)
        self._given = {node.name: node.default for node in given if node.k == "param"}
        self._outputs = outputs

    def param(self, name: str) -> Any:
        return self._name(name)

    def settings(self) -> dict[str, str]:
        return {name: self.value(value) for name, value in members(self._symbols["settings"].e).items()}

    def module_param(self, module: str, name: str) -> Any:
        return self.value(at(self._symbols[module], f"params.{name}"))

    def value(self, node: Any) -> Any:
        """Raises KeyError for what only Azure knows and nobody gave, and for syntax this does not know."""
        kinds: dict[str, Callable[[], Any]] = {
            "str": lambda: "".join(part if isinstance(part, str) else str(self.value(part)) for part in node.parts),
            "num": lambda: node.v,
            "bool": lambda: node.v,
            "arr": lambda: [self.value(item) for item in node.items],
            "paren": lambda: self.value(node.e),
            "id": lambda: self._name(node.name),
            "tern": lambda: self.value(node.a if self.value(node.c) else node.b),
            "bin": lambda: self._either(node),
            "mem": lambda: self._member(node),
            "call": lambda: FUNCTIONS[node.fn](*map(self.value, node.args)),
        }
        return kinds[node.k]()

    def _either(self, node: Any) -> Any:
        assert node.op == "??", node.op
        first = self.value(node.a)
        return self.value(node.b) if first is None else first

    def _name(self, name: str) -> Any:
        node = self._symbols[name]
        if node.k == "param":
            return self.value(self._given.get(name, node.default))
        return self.value(node.e)

    def _member(self, node: Any) -> Any:
        if node.e.k == "mem" and node.e.name == "outputs":
            module = node.e.e.name
            return self._outputs[f"{module}.{node.name}"] if self._deployed(module) else None
        return self.value(node.e)[node.name]

    def _deployed(self, module: str) -> bool:
        body = self._symbols[module].body
        return body.k != "if" or bool(self.value(body.cond))
