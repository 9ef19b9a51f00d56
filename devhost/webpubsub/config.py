"""What one service is told at its start."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

SYSTEM_EVENTS = frozenset({"connect", "connected", "disconnected"})


class ConfigFaulty(ValueError):
    """A setting that cannot be used, in one line for a person."""


@dataclass(frozen=True, slots=True)
class EventHandler:
    """Where a hub's events go.

    *url* may hold `{hub}` and `{event}` in its path and query. *user_events* is `*`, nothing, or event names
    separated by commas; names are compared without case.
    """

    url: str
    system_events: frozenset[str] = SYSTEM_EVENTS
    user_events: str = "*"

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.netloc or "{" in parts.netloc:
            raise ConfigFaulty(f"{self.url!r} is not an absolute http(s) URL with its placeholders in path or query")
        unknown = self.system_events - SYSTEM_EVENTS
        if unknown:
            raise ConfigFaulty(
                f"{', '.join(sorted(unknown))}: the system events are {', '.join(sorted(SYSTEM_EVENTS))}"
            )

    def takes_system(self, event: str) -> bool:
        return event in self.system_events

    def takes_user(self, event: str) -> bool:
        wanted = {name.strip().lower() for name in self.user_events.split(",")}
        return "*" in wanted or event.lower() in wanted

    def target(self, hub: str, event: str) -> str:
        """The URL of one event."""
        url = re.sub(r"\{hub\}", lambda _: quote(hub, safe=""), self.url, flags=re.IGNORECASE)
        return re.sub(r"\{event\}", lambda _: quote(event, safe=""), url, flags=re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Limits:
    """The service's limits (reference: Azure Web PubSub, "Limits"). Sizes are bytes, times seconds."""

    message_bytes: int = 1024 * 1024
    """Of a client's frame and of a REST body."""
    queue_messages: int = 1000
    """Waiting for one reader, or not yet acknowledged by it."""
    queue_bytes: int = 16 * 1024 * 1024
    ack_ids: int = 1000
    """How many successful ackIds of a connection are remembered."""
    events_waiting: int = 64
    """Frames of one client that wait for the event handler before its socket is no longer read."""
    close_wait: float = 5.0
    """How long a closing socket may take to say goodbye."""
    handshake_wait: float = 30.0
    pings_missed: int = 3
    """A socket that was silent for this many keep-alive intervals is gone."""


@dataclass(frozen=True, slots=True)
class Config:
    """One service.

    *access_key* and *secondary_key* are both valid at all times; their UTF-8 bytes are the HMAC keys, never
    base64-decoded. *handlers* maps a hub to its event handlers, the first match wins; the name `*` stands for
    every hub that is not named. *anonymous* lets clients in without a token.
    """

    access_key: str = field(repr=False)
    secondary_key: str | None = field(default=None, repr=False)
    handlers: Mapping[str, tuple[EventHandler, ...]] = field(default_factory=dict)
    anonymous: bool = False
    retain: float = 30.0
    """Seconds for which a reliable connection without a socket can be recovered."""
    keep_alive: float = 20.0
    """Seconds between WebSocket pings."""
    origin: str = ""
    """Sent as `WebHook-Request-Origin`; empty: the host that is served."""
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if not self.access_key or self.secondary_key == "":
            raise ConfigFaulty("an access key must not be empty")
        if ";" in self.access_key + (self.secondary_key or ""):
            raise ConfigFaulty("an access key must not hold a semicolon: it would end the connection string's part")

    @property
    def keys(self) -> tuple[bytes, ...]:
        keys = (self.access_key, self.secondary_key)
        return tuple(key.encode() for key in keys if key is not None)

    def handlers_of(self, hub: str) -> tuple[EventHandler, ...]:
        """Those of *hub*, which is in lower case."""
        for name, handlers in self.handlers.items():
            if name.lower() == hub:
                return handlers
        return self.handlers.get("*", ())
