"""The wiring: one class, each part built on first use and kept for the worker's life.

Heavy imports sit in the part that needs them, because import time is cold-start time. Call `parts.get()` through
the module (never `from runtime.parts import get`): then a test has one place to replace.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from adapters.sql import sqlite_file
from adapters.sql.sweeping import Debts, SqlSweep
from domain.kernel.ids import Ids, SystemIds
from domain.kernel.outbox import Outbox
from domain.mail.ports import Sites
from domain.mail.service import MailRoom, mail_domain
from runtime import settings as runtime_settings
from runtime.edge_policy import edge_policy
from runtime.readiness import Check, Readiness
from runtime.service_parts import ServiceParts
from runtime.services import Embedded
from web.access import Authenticator
from web.edge import Edge

if TYPE_CHECKING:
    from adapters.sql.outbox import SqlOutbox
    from runtime.auth_parts import AuthParts
    from runtime.chat_parts import ChatParts
    from runtime.courses_parts import CoursesParts
    from runtime.files_parts import FilesParts
    from runtime.forms_parts import FormsParts
    from runtime.push_parts import PushParts
    from runtime.social_parts import SocialParts
    from runtime.users_parts import UsersParts


@dataclass
class Parts(ServiceParts):
    """Each part is built on first use, then kept. The services behind us come from `service_parts.py`."""

    @cached_property
    def ids(self) -> Ids:
        return SystemIds(self.clock)

    @cached_property
    def auth(self) -> "AuthParts":
        from runtime.auth_parts import AuthParts

        return AuthParts(self)

    @property
    def authenticator(self) -> Authenticator:
        return self.auth.authenticator

    @cached_property
    def edge(self) -> Edge:
        """What every request passes through: nothing heavy is built before a request needs it."""
        return Edge(
            policy=edge_policy(self.settings),
            clock=self.clock,
            ids=self.ids,
            cache=self.cache,
            authenticator=lambda: self.authenticator,
            documents=lambda: self.documents,
            keys=lambda: self.keys,
        )

    @cached_property
    def sql_debts(self) -> Debts:
        return Debts()

    @cached_property
    def sql_outbox(self) -> "SqlOutbox":
        from adapters.sql.outbox import SqlOutbox

        return SqlOutbox(self.sql, self.queue, self.sql_debts, self.clock)

    @cached_property
    def sql_sweep(self) -> SqlSweep:
        """An embedded database never sleeps, so its file is asked at every tick."""
        match self.settings.sql:
            case Embedded(folder):
                owes = partial(sqlite_file.owes, sqlite_file.sqlite_path(folder))
                return SqlSweep(lambda: self.sql_outbox, self.sql_debts, self.clock, timedelta(), owes)
            case _:
                period = self.settings.forms.sweep_every
                return SqlSweep(lambda: self.sql_outbox, self.sql_debts, self.clock, period)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.documents, self.queue, self.clock)

    @cached_property
    def mail_room(self) -> MailRoom:
        sites = Sites(
            api_url=self.settings.api_url,
            site_url=self.settings.site_url,
            mail_domain=mail_domain(self.settings.mail_from),
            team=self.settings.mail_team,
        )
        return MailRoom(
            self.documents,
            self.keys,
            lambda: self.forms.notes,
            lambda: self.chat.unread,
            self.mailer,
            sites,
            self.clock,
        )

    @cached_property
    def users(self) -> "UsersParts":
        from runtime.users_parts import UsersParts

        return UsersParts(self)

    @cached_property
    def files(self) -> "FilesParts":
        from runtime.files_parts import FilesParts

        return FilesParts(self)

    @cached_property
    def courses(self) -> "CoursesParts":
        from runtime.courses_parts import CoursesParts

        return CoursesParts(self)

    @cached_property
    def forms(self) -> "FormsParts":
        from runtime.forms_parts import FormsParts

        return FormsParts(self)

    @cached_property
    def chat(self) -> "ChatParts":
        from runtime.chat_parts import ChatParts

        return ChatParts(self)

    @cached_property
    def social(self) -> "SocialParts":
        from runtime.social_parts import SocialParts

        return SocialParts(self)

    @cached_property
    def push(self) -> "PushParts":
        from runtime.push_parts import PushParts

        return PushParts(self)

    @cached_property
    def readiness(self) -> Readiness:
        """Without documents nobody signs in or learns; all else has a queue, an outbox or a stand-in behind it."""
        checks = [
            Check("documents", required=True, part=lambda: self.documents),
            Check("keys", required=True, part=lambda: self.keys, ask="get"),
            Check("cache", required=False, part=lambda: self.cache, note=self._cache_note),
            Check("blobs", required=False, part=lambda: self.blobs),
            Check("queue", required=False, part=lambda: self.queue),
            Check("mail", required=False, part=lambda: self.mailer),
            Check("sql", required=False, part=lambda: self.sql),
            Check("realtime", required=False, part=lambda: self.realtime),
        ]
        if self.settings.realtime.events is not None:
            checks.append(Check("entra", required=False, part=lambda: self.event_tokens))
        if self.settings.forms.challenge is not None:
            checks.append(Check("challenge", required=False, part=lambda: self.forms.challenge))
        return Readiness(checks, self.guards)

    @property
    def _cache_note(self) -> str | None:
        if self.settings.redis is not None or self.alone:
            return None
        return "Without Redis: limits hold per instance, and every request reads its session from the store."

    async def close(self) -> None:
        """Close what was built, last built first; before all, what still works behind the answers."""
        if "chat" in vars(self):
            await vars(self).pop("chat").close()
        for part in reversed(list(vars(self).values())):
            close = getattr(part, "close", None)
            if close is not None:
                await close()


_parts: Parts | None = None


def get() -> Parts:
    """The process's parts. Raises SettingsFaulty on a bad environment."""
    global _parts  # noqa: PLW0603 - one worker, one set of parts
    if _parts is None:
        _parts = Parts(runtime_settings.get())
    return _parts


def use(parts: Parts | None) -> None:
    """Put *parts* in place (tests, the dev host), or forget them."""
    global _parts  # noqa: PLW0603 - see get
    _parts = parts
