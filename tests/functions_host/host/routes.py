"""HTTP routes as Microsoft.AspNetCore.Routing and WebJobs' route builder read, order and match them.

Written from the host's source, apart from `devhost/routes.py` on purpose: one is held against the other.
"""

import functools
import re
from typing import Final
from urllib.parse import unquote

_PARAMETER: Final = re.compile(r"\{(?P<star>\*{0,2})(?P<name>[^{}/?*=:]+)(?P<optional>\?)?\}")


class RouteFaulty(ValueError):
    """A template the host refuses, or one that needs what no function of ours uses (constraints, defaults)."""


class Route:
    """One HTTP function's template, prefix included."""

    def __init__(self, template: str) -> None:
        self.template = template.strip("/")
        self.segments = self.template.split("/")
        names: list[str] = []
        pattern = ""
        for position, segment in enumerate(self.segments):
            found = _PARAMETER.fullmatch(segment)
            if found is None:
                if not segment or "{" in segment or "}" in segment:
                    raise RouteFaulty(f"cannot read the segment '{segment}' of the route '{template}'")
                pattern += "/" + re.escape(segment)
                continue
            name = found["name"]
            if name.lower() in (other.lower() for other in names):
                raise RouteFaulty(f"the route parameter {name} appears twice in '{template}'")
            if found["star"] and position != len(self.segments) - 1:
                raise RouteFaulty(f"a catch-all parameter must be last in '{template}'")
            names.append(name)
            value = f"(?P<{name}>{'.*' if found['star'] else '[^/]+'})"
            pattern += f"(?:/{value})?" if found["star"] or found["optional"] else f"/{value}"
        self._pattern = re.compile(f"{pattern}/?", re.IGNORECASE | re.DOTALL)

    def match(self, path: str) -> dict[str, str] | None:
        """The route values, without those that are empty; None where the path is another's."""
        found = self._pattern.fullmatch(path)
        return None if found is None else {name: value for name, value in found.groupdict().items() if value}


def order(routes: list[Route]) -> list[Route]:
    """As WebJobsRouteBuilder.RouteComparison orders them: the first that matches is taken."""
    return sorted(routes, key=functools.cmp_to_key(_compare))


def _compare(one: Route, other: Route) -> int:
    for position, segment in enumerate(one.segments):
        if len(other.segments) <= position:
            return -1
        opposite = other.segments[position]
        is_parameter, is_parameter_too = segment.startswith("{"), opposite.startswith("{")
        if is_parameter != is_parameter_too:
            return 1 if is_parameter else -1
        if not is_parameter and segment.lower() != opposite.lower():
            return -1 if segment.lower() < opposite.lower() else 1
    return 1 if len(other.segments) > len(one.segments) else 0


def decode_path(raw: str) -> str:
    """PathString: percent-decoded once, except %2F, which stays."""
    return "/".join(unquote(re.sub("%2f", "%252F", segment, flags=re.IGNORECASE)) for segment in raw.split("/"))
