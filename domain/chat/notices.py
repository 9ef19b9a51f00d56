"""When a conversation's people are to be noticed of what was said there: one task for a burst of messages.  Pure.

The first message of a burst puts a task beside itself, in its own batch, and writes on the head until when that task
covers what follows. So a send costs no call more, and a busy conversation has one task every few seconds, however many
people and messages. Walk: docs/flows/missed-messages.md.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.chat.signals import QUIET_ABOVE
from domain.kernel.clock import from_iso, to_iso
from domain.kernel.documents import Item
from domain.kernel.outbox import Task, outbox_item

NOTICES: Final = "notices"
"""The queue of what follows a burst, and of digests that are due."""

NOTICE_AFTER: Final = timedelta(seconds=5)
"""Time for whoever is there to read it, so that their other devices stay quiet."""

NOTICE_AFTER_IN_CROWDS: Final = timedelta(seconds=60)
"""Above `QUIET_ABOVE` people, where each task reads more."""

CLOCKS_DIFFER: Final = timedelta(seconds=2)
"""A message this close to the task's time may be written after the task has looked: it puts a task of its own."""

COVERED: Final = "noticeAt"
"""The head's member that says when its task runs."""


@dataclass(frozen=True, slots=True)
class Notice:
    """*item* is the outbox item, for the batch; its task is to be seen after *delay*."""

    item: Item
    at: datetime
    delay: timedelta


def plan_notice(head: Item, *, seq: int, now: datetime, new_id: str) -> Notice | None:
    """The task for what is said from *seq* on; None while an earlier task covers it."""
    covered = head.get(COVERED)
    if covered is not None and now < from_iso(covered) - CLOCKS_DIFFER:
        return None
    delay = NOTICE_AFTER if head["memberCount"] <= QUIET_ABOVE else NOTICE_AFTER_IN_CROWDS
    payload = {"task": "notice", "conversationId": head["conversationId"], "seq": seq, "at": to_iso(now + delay)}
    task = Task(f"{new_id}:notice", NOTICES, payload)
    return Notice(outbox_item(task, pk=head["pk"], now=now + delay), now + delay, delay)
