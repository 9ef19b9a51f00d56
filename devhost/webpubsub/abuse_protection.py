"""Asks the owner of a URL before anything is delivered to it (CloudEvents: "Abuse Protection")."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from devhost.webpubsub.handler_http import HandlerHttp

log = logging.getLogger("webpubsub")

LONGEST: Final = 60.0
"""Seconds for which a yes holds, and the longest pause after a no."""
SHORTEST: Final = 1.0


class Unreachable(Exception):
    """An event handler gave no answer."""


@dataclass(slots=True)
class _Record:
    known: bool = False
    allowed: bool = True
    interval: float = SHORTEST
    next_at: float = 0.0
    asking: asyncio.Task[bool] | None = None


class AbuseProtection:
    """The first question about a URL is waited for; later ones are asked beside, and the last answer holds."""

    def __init__(
        self, http: "Callable[[], HandlerHttp]", origin: Callable[[], str], clock: Callable[[], float]
    ) -> None:
        self._http = http
        self._origin = origin
        self.clock = clock
        self._records: dict[str, _Record] = {}

    async def permits(self, url: str) -> bool:
        """Whether events may go to the handler whose validation URL (`{event}` is `validate`) is *url*."""
        record = self._records.setdefault(url, _Record())
        if self.clock() >= record.next_at and (record.asking is None or record.asking.done()):
            record.asking = asyncio.get_running_loop().create_task(self._ask(record, url))
        if record.known or record.asking is None:
            return record.allowed
        return await asyncio.shield(record.asking)

    async def quiet(self) -> None:
        """Nothing is being asked any more."""
        await asyncio.gather(*self._asking())

    async def close(self) -> None:
        asking = self._asking()
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    def _asking(self) -> "list[asyncio.Task[bool]]":
        return [record.asking for record in self._records.values() if record.asking is not None]

    async def _ask(self, record: _Record, url: str) -> bool:
        allowed = False
        try:
            status, allowed = await self._request("OPTIONS", url)
            if status == 404:  # noqa: PLR2004 - frameworks that do not route OPTIONS
                _, allowed = await self._request("GET", url)
        except Unreachable as error:
            log.warning("the event handler could not be validated: %s", type(error.__cause__).__name__)
        if allowed:
            record.interval = LONGEST
        else:
            record.interval = SHORTEST if record.allowed else min(record.interval * 2, LONGEST)
        record.allowed = allowed
        record.known = True
        record.next_at = self.clock() + record.interval
        return allowed

    async def _request(self, method: str, url: str) -> tuple[int, bool]:
        origin = self._origin()
        headers = {"WebHook-Request-Origin": origin, "ce-awpsversion": "1.0"}
        status, named = await self._http().validate(method, url, headers)
        allowed = {part.strip().lower() for value in named for part in value.split(",")}
        return status, status < 300 and bool(allowed & {"*", origin.lower()})  # noqa: PLR2004
