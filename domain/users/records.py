"""The directory's items, all in one partition, so that a person's are changed in one batch.

`user:<id>`       the person's head: what administrators filter by, and which names follow
`name:<id>:<n>`   one way to find them: the name from its n-th word on, in `key`; only for those who are listed

A name is found by the beginning of any of its words, so `Ada King Lovelace` has the keys `ada king lovelace`,
`king lovelace` and `lovelace`, each followed by the person's id, which makes it unique: an order, and a cursor.
"""

from typing import Final

from domain.kernel.accounts import Account
from domain.kernel.documents import Item
from domain.kernel.names import fold, words
from domain.users.model import Found

PEOPLE: Final = "people"
"""The partition."""
USER_PREFIX: Final = "user:"
MAX_KEYS: Final = 8
"""Words of a name that it is found by."""
GONE_TTL_SECONDS: Final = 86400
GONE_VERSION: Final = 2**53 - 1
"""The head of an account that is gone: newer than anything a late projection may bring. The largest exact number
of JSON (RFC 8259 §6)."""


def user_item_id(user_id: str) -> str:
    return USER_PREFIX + user_id


def name_item_id(user_id: str, position: int) -> str:
    return f"name:{user_id}:{position}"


def keys_of(name: str, user_id: str) -> list[str]:
    """The tab sorts before the space, so `ann` comes before `ann marie`."""
    all_words = words(name)
    rests = [" ".join(all_words[start:]) for start in range(min(len(all_words), MAX_KEYS))]
    return [f"{rest}\t{user_id}" for rest in rests or [""]]


def search_text(text: str) -> str:
    """Names and addresses as administrators search them: folded, but with their punctuation."""
    return " ".join(fold(text).split())


def head_item(account: Account) -> Item:
    return {
        "id": user_item_id(account.id),
        "pk": PEOPLE,
        "type": "user",
        "userId": account.id,
        "version": account.version,
        "status": account.status.value,
        "role": account.role.value,
        "search": search_text(f"{account.name} {account.email}"),
        "names": len(keys_of(account.name, account.id)) if account.verified else 0,
    }


def gone_item(user_id: str) -> Item:
    """Keeps late projections from bringing back whom nobody may find any more; gone by itself in a day."""
    return {
        "id": user_item_id(user_id),
        "pk": PEOPLE,
        "type": "gone",
        "userId": user_id,
        "version": GONE_VERSION,
        "names": 0,
        "ttl": GONE_TTL_SECONDS,
    }


def name_items(account: Account) -> list[Item]:
    """None for whom nobody may find: `Account.verified` decides, as it does for signing in."""
    if not account.verified:
        return []
    keys = keys_of(account.name, account.id)
    return [
        {
            "id": name_item_id(account.id, position),
            "pk": PEOPLE,
            "type": "name",
            "key": key,
            "first": position == 0,
            "keys": keys,
            "userId": account.id,
            "name": account.name,
            "avatar": account.avatar,
        }
        for position, key in enumerate(keys)
    ]


def is_shown_for(item: Item, prefix: str) -> bool:
    """Whether this of a person's names is the one that a search for *prefix* shows: the first of those it finds.

    `Ann Anna` is found twice by `ann`, and must be shown once, on whichever page.
    """
    return bool(item["key"] == min(key for key in item["keys"] if key.startswith(prefix)))


def read_found(item: Item) -> Found:
    return Found(item["userId"], item["name"], item["avatar"])
