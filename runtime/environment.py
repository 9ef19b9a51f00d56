"""Reads environment variables into types, and reports every fault at once."""

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit


class SettingsFaulty(Exception):
    """Every fault of the environment, in one line: names and what is wrong, never a value."""

    tells_no_data = True


class Reader:
    """Takes settings by name, keeps what is wrong with them, and knows which names were asked for."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.faults: list[str] = []
        self.known: set[str] = set()

    def fault(self, text: str) -> None:
        self.faults.append(text)

    def text(self, name: str, default: str | None = None) -> str:
        """The value; without a *default* it must be set."""
        self.known.add(name)
        value = self._env.get(name, "").strip()
        if value:
            return value
        if default is None:
            self.fault(f"{name} is not set")
            return ""
        return default

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value not in allowed:
            self.fault(f"{name} is not one of {', '.join(allowed)}")
            return default
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name, "true" if default else "false").lower()
        if value not in {"true", "false"}:
            self.fault(f"{name} is neither true nor false")
            return default
        return value == "true"

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        try:
            value = int(self.text(name, str(default)))
        except ValueError:
            self.fault(f"{name} is not a whole number")
            return default
        if not least <= value <= most:
            self.fault(f"{name} is not between {least} and {most}")
            return default
        return value

    def seconds(self, name: str, default: int, *, least: int = 1, most: int = 366 * 86400) -> timedelta:
        return timedelta(seconds=self.whole(name, default, least=least, most=most))

    def url(self, name: str, default: str | None = None) -> str:
        """An absolute http(s) URL, without a trailing slash."""
        value = self.text(name, default)
        if value and not _is_http_url(value):
            self.fault(f"{name} is not an absolute http(s) URL")
        return value.rstrip("/")

    def items(self, name: str, default: str = "") -> tuple[str, ...]:
        """Comma-separated values."""
        return tuple(part.strip() for part in self.text(name, default).split(",") if part.strip())

    def origins(self, name: str) -> tuple[str, ...]:
        """Comma-separated origins (`https://tools.example`, without a path), or `*`."""
        found = self.items(name)
        for origin in found:
            if origin != "*" and not (_is_http_url(origin) and origin.count("/") == 2):  # noqa: PLR2004 - in `://`
                self.fault(f"{name} holds something that is not an origin like https://tools.example")
        return found

    def done(self) -> None:
        """Raises SettingsFaulty when anything was wrong."""
        if self.faults:
            raise SettingsFaulty("; ".join(self.faults))


def _is_http_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number
        return False
