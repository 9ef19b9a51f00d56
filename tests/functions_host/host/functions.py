"""One indexed function, checked as the host checks it before it lets it run."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from tests.functions_host.host.routes import Route, RouteFaulty

_FUNCTION_NAME: Final = re.compile(r"[a-z][a-z0-9_\-]{0,127}", re.IGNORECASE)
"""Utility.FunctionNameValidationRegex."""
_BINDING_NAME: Final = re.compile(r"(?!.*__)(?:[a-zA-Z_][a-zA-Z0-9_]{0,127}|\$return)")
"""Utility.BindingNameValidationRegex: underscores are taken from host 4.1038 on, a double one never."""
_NCRONTAB: Final = re.compile(r"(\S+\s+){4,5}\S+")


class IndexedFunction:
    """What the worker told of one function. *settings* are the app settings that bindings may refer to."""

    def __init__(self, metadata: Any, settings: Mapping[str, str], route_prefix: str) -> None:
        self.metadata = metadata
        self.name: str = metadata.name
        self.id: str = metadata.function_id
        self.bindings: list[dict[str, Any]] = [json.loads(binding) for binding in metadata.raw_bindings]
        self.errors: list[str] = []
        triggers = [binding for binding in self.bindings if str(binding.get("type", "")).lower().endswith("trigger")]
        self.trigger: dict[str, Any] = triggers[0] if triggers else {}
        self.kind = str(self.trigger.get("type", "")).lower()
        self.route: Route | None = None
        self.methods = frozenset(str(method).upper() for method in self.trigger.get("methods") or ())
        self._check_names(len(triggers))
        self._check_connection(settings)
        if self.kind == "httptrigger":
            self._check_route(route_prefix)
        elif self.kind == "timertrigger" and not _NCRONTAB.fullmatch(str(self.trigger.get("schedule", ""))):
            self.errors.append(f"the schedule '{self.trigger.get('schedule')}' is no NCRONTAB expression")

    def takes(self, method: str) -> bool:
        return not self.methods or method in self.methods

    def conflicts_with(self, other: "IndexedFunction") -> bool:
        if self.route is None or other.route is None:
            return False
        same = self.route.template.lower() == other.route.template.lower()
        return same and (not self.methods or not other.methods or bool(self.methods & other.methods))

    def describe(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "trigger": self.trigger,
            "route": self.route.template if self.route else None,
            "methods": sorted(self.methods),
            "errors": self.errors,
        }

    def _check_names(self, triggers: int) -> None:
        if not _FUNCTION_NAME.fullmatch(self.name) or self.name.lower() == "host":
            self.errors.append(f"'{self.name}' is not a valid function name")
        if triggers != 1:
            self.errors.append(f"a function has one trigger, not {triggers}")
        names = [str(binding.get("name", "")) for binding in self.bindings]
        self.errors += [f"the binding name '{name}' is invalid" for name in names if not _BINDING_NAME.fullmatch(name)]
        if len({name.lower() for name in names}) != len(names):
            self.errors.append("binding names must be unique")

    def _check_connection(self, settings: Mapping[str, str]) -> None:
        for value in self.trigger.values():
            for name in re.findall(r"%([^%{}\s]+)%", str(value)):
                if name not in settings:
                    self.errors.append(f"'%{name}%' does not resolve to a value")
        connection = self.trigger.get("connection")
        prefixes = (f"{connection}__", f"AzureWebJobs{connection}__")
        names = {connection, f"AzureWebJobs{connection}", f"ConnectionStrings:{connection}"}
        if connection and not any(name in names or name.startswith(prefixes) for name in settings):
            self.errors.append(f"no app setting for the connection '{connection}'")

    def _check_route(self, prefix: str) -> None:
        raw = str(self.trigger.get("route") or self.name)
        if raw.strip("/").lower().startswith(("admin", "runtime")):
            self.errors.append(f"the route '{raw}' conflicts with built-in routes")
        try:
            self.route = Route(f"{prefix}/{raw}" if prefix else raw)
        except RouteFaulty as error:
            self.errors.append(str(error))
