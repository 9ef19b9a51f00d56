"""The wiring: one class, each part built on first use and kept for the worker's life.

Heavy imports sit in the part that needs them, because import time is cold-start time. Call `parts.get()` through
the module (never `from runtime.parts import get`): then a test has one place to replace.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from adapters.cache.in_process import InProcessCache
from domain.forms.ports import FormStore
from domain.kernel.cache import Cache
from domain.kernel.clock import Clock, SystemClock
from domain.kernel.documents import DocumentStore
from domain.kernel.ids import Ids, SystemIds
from domain.kernel.keys import Keys
from domain.kernel.mail import Mailer
from domain.kernel.outbox import Outbox, Queue
from runtime import settings as runtime_settings
from runtime.edge_policy import edge_policy
from runtime.settings import Cosmos, Embedded, Settings
from runtime.sql import open_database
from web.access import Authenticator
from web.edge import Edge

if TYPE_CHECKING:
    from adapters.sql.database import Database
    from adapters.sql.outbox import SqlOutbox


@dataclass
class Parts:
    """Each part is built on first use, then kept."""

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)

    @cached_property
    def ids(self) -> Ids:
        return SystemIds(self.clock)

    @cached_property
    def documents(self) -> DocumentStore:
        match self.settings.documents:
            case Embedded(folder):
                from adapters.documents.sqlite import SqliteDocuments

                return SqliteDocuments(folder / "documents.db", self.clock)
            case Cosmos(endpoint, database, key):
                raise NotImplementedError(endpoint, database, key)

    @cached_property
    def cache(self) -> Cache:
        return InProcessCache(self.clock)

    @cached_property
    def keys(self) -> Keys:
        raise NotImplementedError

    @cached_property
    def authenticator(self) -> Authenticator:
        raise NotImplementedError

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
    def queue(self) -> Queue:
        from adapters.queues.sqlite import SqliteQueue

        return SqliteQueue(self.settings.queue.folder / "queues.db", self.clock)

    @cached_property
    def sql(self) -> "Database":
        return open_database(self.settings)

    @cached_property
    def sql_outbox(self) -> "SqlOutbox":
        from adapters.sql.outbox import SqlOutbox

        return SqlOutbox(self.sql, self.queue, self.clock)

    @cached_property
    def form_store(self) -> FormStore:
        from adapters.sql.forms import SqlForms

        return SqlForms(self.sql)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.documents, self.queue, self.clock)

    @cached_property
    def mailer(self) -> Mailer:
        from adapters.mail.eml import EmlMailer

        return EmlMailer(self.settings.mail.folder / "mail", sender=self.settings.mail_from, clock=self.clock)

    async def close(self) -> None:
        """Close what was built, last built first."""
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
