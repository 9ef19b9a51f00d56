"""One atomic batch in a person's partition: what changes, its trail, and what must follow from it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.auth.model import Client
from domain.kernel.activity import Activity
from domain.kernel.documents import Create, Item, Operation
from domain.kernel.ids import Ids
from domain.kernel.links import Link, link_mail
from domain.kernel.mail import MAIL_QUEUE
from domain.kernel.outbox import SWEEP_AFTER, Task, outbox_item
from domain.kernel.people import projection_task
from domain.kernel.sessions import settle_sessions_task


class PersonalWrite:
    """Collects the operations; `Accounts.commit` does them."""

    def __init__(self, user_id: str, *, now: datetime, ids: Ids) -> None:
        self.user_id = user_id
        self.now = now
        self._ids = ids
        self.operations: list[Operation] = []
        self.outbox: list[Item] = []

    def add(self, *operations: Operation) -> None:
        self.operations.extend(operations)

    def note(self, code: str, client: Client | None = None, **details: str) -> None:
        """Tell it to the person's own trail."""
        activity = Activity(
            self._ids.new(),
            code,
            self.now,
            device=None if client is None else client.device,
            ip=None if client is None else client.ip,
            details=details,
        )
        self.operations.append(Create(activity.to_item(self.user_id)))

    def mail_link(self, link: Link) -> None:
        """Keep the link and have it mailed."""
        self.operations.append(Create(link.to_item()))
        self._follow(Task(self._ids.new(), MAIL_QUEUE, link_mail(link)))

    def mail_change(self, template: str) -> None:
        """Have a mail about what just happened sent to the person. The event's id carries its time."""
        payload: dict[str, Any] = {"template": template, "userId": self.user_id, "eventId": self._ids.new()}
        self._follow(Task(self._ids.new(), MAIL_QUEUE, payload))

    def settle_sessions(self, session_ids: Sequence[str] = ()) -> None:
        """Have the cache and the sockets follow, for these sessions or for all."""
        self._follow(settle_sessions_task(self.user_id, session_ids, task_id=self._ids.new()))

    def project(self) -> None:
        """Have what others see of the person follow."""
        self._follow(projection_task(self.user_id, task_id=self._ids.new()))

    def hold(self, task: Task, *, until: datetime | None = None) -> Item:
        """Keep a task that `commit` does not offer: it is done by `Accounts.do_now`, or falls due at *until*."""
        due = self.now if until is None else until - SWEEP_AFTER
        item = outbox_item(task, pk=self.user_id, now=due)
        self.operations.append(Create(item))
        return item

    def _follow(self, task: Task) -> None:
        item = outbox_item(task, pk=self.user_id, now=self.now)
        self.outbox.append(item)
        self.operations.append(Create(item))
