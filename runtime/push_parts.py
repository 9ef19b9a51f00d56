"""The wiring of Web Push, each part built on first use."""

from functools import cached_property
from typing import TYPE_CHECKING

from domain.chat.devices import Devices
from domain.chat.ports import PushService
from domain.chat.pushing import Pushing

if TYPE_CHECKING:
    from runtime.parts import Parts


class PushParts:
    """The library costs an import, so it comes when somebody subscribes or is pushed to."""

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    @property
    def is_set_up(self) -> bool:
        return self._parts.settings.push.vapid is not None

    @cached_property
    def service(self) -> PushService | None:
        chosen = self._parts.settings.push
        if chosen.vapid is None:
            return None
        from adapters.push.webpush import GUARD, PushServiceBusy, WebPush

        return WebPush(
            chosen.vapid.private_key,
            chosen.vapid.subject,
            chosen.hosts,
            self._parts.clock,
            guard=lambda name: self._parts.guard(name, GUARD, answered=(PushServiceBusy,)),
        )

    @cached_property
    def devices(self) -> Devices:
        parts = self._parts
        return Devices(parts.documents, parts.clock, parts.settings.push.hosts, lambda: self.service)

    @cached_property
    def pushing(self) -> Pushing:
        parts = self._parts
        return Pushing(
            parts.documents, parts.queue, self.devices, lambda: self.service, parts.chat.sessions, parts.clock
        )

    async def close(self) -> None:
        service = vars(self).get("service")
        if service is not None:
            await service.close()
