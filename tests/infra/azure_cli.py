"""A stand-in for the Azure CLI: a program `az` that keeps what it is told, for scripts that call the real one.

It knows the few commands the scripts use, keeps applications and secrets in a file, and writes down each call.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

PROGRAM: Final = """#!{python}
import json, pathlib, sys
state_file, args = pathlib.Path({state!r}), sys.argv[1:]
state = json.loads(state_file.read_text())
def option(name):
    return args[args.index(name) + 1] if name in args else None
def answer():
    match args:
        case ["account", "show", *_]:
            return state["tenant"]
        case ["ad", "app", "list", *_]:
            return [app["id"] for app in state["apps"] if app["uri"] == option("--identifier-uri")]
        case ["ad", "app", "create", *_]:
            state["apps"].append({{"id": f"app-{{len(state['apps'])}}", "uri": option("--identifier-uris")}})
            return state["apps"][-1]["id"]
        case ["ad", "sp", "list", *_]:
            return [app for app in state["principals"] if f"'{{app}}'" in option("--filter")]
        case ["ad", "sp", "create", *_]:
            state["principals"].append(option("--id"))
            return {{}}
        case ["keyvault", "secret", "list", *_]:
            return list(state["secrets"])
        case ["keyvault", "secret", "set", *_]:
            file = pathlib.Path(option("--file"))
            state["mode"] = oct(file.stat().st_mode & 0o777)
            state["secrets"][option("--name")] = file.read_text()
            return option("--name")
        case ["deployment", "group", "show", *_] if option("--resource-group") in state["groups"]:
            return {{"properties": {{"outputs": state["groups"][option("--resource-group")]}}}}
    print("WARNING: something", file=sys.stderr)
    print("ERROR: (NotFound) " + " ".join(args[:3]), file=sys.stderr)
    sys.exit(3)
print(json.dumps(answer()))
state["calls"].append(args)
state_file.write_text(json.dumps(state))
"""


@dataclass(frozen=True, slots=True)
class AzureCli:
    file: Path

    @property
    def state(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.file.read_text("utf-8"))
        return told

    def change(self, **more: Any) -> None:
        self.file.write_text(json.dumps({**self.state, **more}), "utf-8")


def an_azure_cli(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AzureCli:
    """The only `az` on the path."""
    folder.mkdir()
    state = folder / "state.json"
    nothing: dict[str, Any] = {"apps": [], "principals": [], "secrets": {}, "groups": {}, "calls": [], "tenant": "t"}
    state.write_text(json.dumps(nothing), "utf-8")
    program = folder / "az"
    program.write_text(PROGRAM.format(python=sys.executable, state=str(state)), "utf-8")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(folder))
    return AzureCli(state)
