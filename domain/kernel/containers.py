"""The document store's containers: the data model in one table.

`docs/data-model.md` explains each item shape; a test compares it, this table and (later) the Bicep. Everything not
named in *indexed* is excluded from indexing, because each indexed path makes every write dearer.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Container:
    """One container. The partition key is always `/pk`; items may carry their own `ttl`."""

    name: str
    purpose: str
    indexed: tuple[str, ...] = ()
    """Top-level members that queries filter or order by, besides `pk` and `id`."""
    composites: tuple[tuple[str, str], ...] = ()
    """Pairs (equality, order) of queries within a partition, each worth an index of its own that `pk` leads. The
    equality may be `pk` itself: (`pk`, `id`) where partitions are many and are read by the prefix of ids."""
    swept: tuple[str, ...] = ()
    """Which of *indexed* jobs order by over all partitions (`query_everywhere`)."""


ACCOUNTS: Final = "accounts"
DIRECTORY: Final = "directory"
LEARNING: Final = "learning"
COURSES: Final = "courses"
CHAT: Final = "chat"
FILES: Final = "files"
IDEMPOTENCY: Final = "idempotency"

CONTAINERS: Final[tuple[Container, ...]] = (
    Container(
        ACCOUNTS,
        "pk = user id: account, sessions, links, activity, outbox. pk = e-mail key: the e-mail's reservation.",
        indexed=("dueAt",),
        composites=(("pk", "id"),),
        swept=("dueAt",),
    ),
    Container(
        DIRECTORY,
        "pk = `people`: whom others may find, by each word of their name, and whom administrators look for.",
        indexed=("key", "status", "role"),
    ),
    Container(
        LEARNING,
        "pk = user id: enrolments with their progress, outbox.",
        indexed=("dueAt",),
        composites=(("pk", "id"),),
        swept=("dueAt",),
    ),
    Container(
        COURSES,
        "pk = course id: course, lessons, counters, members, outbox. pk = `catalogue`: what the catalogue lists.",
        indexed=("dueAt", "rev"),
        composites=(("pk", "id"),),
        swept=("dueAt",),
    ),
    Container(
        CHAT,
        "pk = end of the conversation's id: head, members, messages, outbox. pk = user id: the person, their places.",
        indexed=("type", "seq", "changedAt", "activeOn", "publishDueAt", "dueAt"),
        composites=(("pk", "id"), ("pk", "seq"), ("pk", "changedAt"), ("type", "activeOn")),
        swept=("publishDueAt", "dueAt"),
    ),
    Container(
        FILES,
        "pk = file id: the file, and what a scanner found in it.",
        indexed=("sweepAt", "owned"),
        swept=("sweepAt", "owned"),
    ),
    Container(IDEMPOTENCY, "Answers to keyed requests, for 24 hours."),
)

OUTBOX_CONTAINERS: Final = tuple(container.name for container in CONTAINERS if "dueAt" in container.swept)
"""Where a batch may hold outbox items (`domain/kernel/outbox.py`): the sweep looks into each."""
