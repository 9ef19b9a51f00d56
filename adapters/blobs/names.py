"""What a blob can be called: a file's id and a leaf, so that no name leads out of the store."""

import re
from typing import Final

from domain.kernel.ids import UUID7_PATTERN

_NAME: Final = re.compile(UUID7_PATTERN.removesuffix("$") + r"/[a-z0-9-]{1,64}")


def check_name(name: str) -> str:
    """Raises ValueError: names are made by us, so another one is a mistake of ours."""
    if not is_name(name):
        msg = f"not the name of a blob: {name!r}"
        raise ValueError(msg)
    return name


def is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None
