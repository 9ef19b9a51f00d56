"""Who may bring whom into a group."""

from collections.abc import Collection, Sequence

from domain.chat.blocking import block_keys
from domain.kernel.containers import CHAT
from domain.kernel.documents import DocumentStore
from domain.kernel.errors import Fault, Forbidden, Invalid
from domain.kernel.people import GUEST, People, Person


async def meet(
    documents: DocumentStore,
    persons: People,
    me: str,
    user_ids: Sequence[str],
    given: Sequence[str],
    path: str,
    *,
    former: Collection[str] = (),
) -> dict[str, str]:
    """The names of *me* and of *user_ids*, who are to be brought in. Two document calls.

    *given* and *path* say where the request names them, for what is wrong with it.

    *former* were in this very group before: the one way in which a guest is brought into one.

    Raises Invalid for people one could not talk to, and Forbidden for those whom a block keeps apart from *me*,
    whichever of the two it is by; others' blocks among each other are their own matter.
    """
    if not user_ids:
        return {}
    people = await persons.find_many([me, *user_ids])
    faults = [
        Fault(f"{path}[{given.index(each)}]", "unknown_person", "There is nobody here with this id.")
        for each in user_ids
        if each not in people or not _may_be_met(people[each], returns=each in former)
    ]
    if faults:
        raise Invalid(faults=faults)
    blocks = await documents.find_many(CHAT, [key for each in user_ids for key in block_keys(me, each)])
    apart = [each for n, each in enumerate(user_ids) if blocks[2 * n] or blocks[2 * n + 1]]
    if apart:
        message = "You cannot bring this person in."
        raise Forbidden(faults=[Fault(f"{path}[{given.index(each)}]", "blocked", message) for each in apart])
    return {user_id: person.name for user_id, person in people.items()}


def _may_be_met(person: Person, *, returns: bool) -> bool:
    return person.status == "active" or (returns and person.status == GUEST)
