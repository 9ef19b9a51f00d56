"""Route templates as the Functions host matches them, compiled into a trie.

Literals beat parameters, parameters beat a catch-all, segment by segment; literals ignore case. A function whose
methods do not include the request's does not match at all, so the search goes on, at last to a catch-all function.
"""

import re
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

T = TypeVar("T")

_PARAMETER = re.compile(r"\{(\*{0,2})([A-Za-z_][A-Za-z0-9_]*)\}")
_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)


class RouteFaulty(ValueError):
    """A template the host would refuse, or that needs a feature of its routing nobody here uses."""


def decode_path(raw: str) -> str:
    """A raw request path, percent-decoded once, except `%2F`, which stays. Undecodable UTF-8 stays as it is.

    Dot segments are resolved after decoding, as Kestrel does.
    """
    if "%" in raw:
        raw = "/".join(_decode_segment(segment) if "%" in segment else segment for segment in raw.split("/"))
    if "/." in raw:
        kept: list[str] = []
        segments = raw.split("/")
        for segment in segments:
            if segment == "..":
                if len(kept) > 1:
                    kept.pop()
            elif segment != ".":
                kept.append(segment)
        if segments[-1] in {".", ".."}:
            kept.append("")
        raw = "/".join(kept) or "/"
    return raw


def _decode_segment(segment: str) -> str:
    try:
        return unquote_to_bytes(_ENCODED_SLASH.sub(lambda found: "%25" + found[0][1:], segment)).decode()
    except UnicodeDecodeError:
        return segment


@dataclass(slots=True)
class _Node(Generic[T]):
    literals: dict[str, "_Node[T]"] = field(default_factory=dict)
    parameter: "_Node[T] | None" = None
    here: dict[str, tuple[T, tuple[str, ...]]] = field(default_factory=dict)
    """By method: what ends at this node, and the names of its parameters in order."""
    catch_all: dict[str, tuple[T, tuple[str, ...]]] = field(default_factory=dict)


class RouteTable(Generic[T]):
    """What answers which method and path."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, template: str, methods: tuple[str, ...], target: T) -> None:
        """Raises RouteFaulty for a bad template, and for a method and route that are taken."""
        node = self._root
        names: list[str] = []
        segments = template.strip("/").split("/")
        ends = node.here
        for position, segment in enumerate(segments):
            found = _PARAMETER.fullmatch(segment)
            if found is None:
                if not segment or "{" in segment or "}" in segment:
                    raise RouteFaulty(f"route '{template}': cannot read the segment '{segment}'")
                node = node.literals.setdefault(segment.lower(), _Node())
                ends = node.here
                continue
            if found[2].lower() in (name.lower() for name in names):
                raise RouteFaulty(f"route '{template}': the parameter '{found[2]}' appears twice")
            names.append(found[2])
            if found[1]:
                if position != len(segments) - 1:
                    raise RouteFaulty(f"route '{template}': a catch-all parameter must be last")
                ends = node.catch_all
            else:
                if node.parameter is None:
                    node.parameter = _Node()
                node = node.parameter
                ends = node.here
        for method in methods:
            if method in ends:
                raise RouteFaulty(f"route '{template}': {method} is taken by another function")
            ends[method] = (target, tuple(names))

    def find(self, method: str, path: str) -> tuple[T, dict[str, str]] | None:
        """What answers, with its route values. *path* is as `decode_path` gives it."""
        segments = path[1:].split("/")
        if segments[-1] == "":
            segments.pop()  # one trailing slash does not matter
        values: list[str] = []
        found = _search(self._root, method, segments, 0, values)
        if found is None:
            return None
        target, names = found
        return target, {name: value for name, value in zip(names, values, strict=False) if value}


def _search(
    node: _Node[T], method: str, segments: list[str], position: int, values: list[str]
) -> tuple[T, tuple[str, ...]] | None:
    if position == len(segments):
        found = node.here.get(method)
        return found if found is not None else node.catch_all.get(method)
    segment = segments[position]
    child = node.literals.get(segment.lower())
    if child is not None:
        found = _search(child, method, segments, position + 1, values)
        if found is not None:
            return found
    if node.parameter is not None and segment:
        values.append(segment)
        found = _search(node.parameter, method, segments, position + 1, values)
        if found is not None:
            return found
        values.pop()
    found = node.catch_all.get(method)
    if found is not None:
        values.append("/".join(segments[position:]))
    return found
