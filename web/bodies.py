"""The bases of what goes in and out: JSON in camelCase, nothing unknown taken."""

from typing import Annotated, Any, Final

import msgspec

VERBATIM: Final = "verbatim"
CHECK: Final = "check"
"""In a text's `Meta(extra=…)`: the domain's rule for it, a function that raises Invalid. The domain applies it anyway;
here it lets a body that is refused for its shape name these faults in the same answer."""

Verbatim = Annotated[str, msgspec.Meta(extra={VERBATIM: True})]
"""A text whose outer spaces count: a password. Still NFC, still without control characters."""


class In(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A request body. Every text in it arrives NFC-normalised and trimmed, and is measured after that."""


class Query(msgspec.Struct, rename="camel"):
    """A query string. Values are read from text (`?page=2`), lists from commas (`?ids=a,b`)."""


class Out(msgspec.Struct, rename="camel"):
    """A response body."""


def encode(body: Any) -> bytes:
    """JSON as this API writes it."""
    return _ENCODER.encode(body)


_ENCODER: Final = msgspec.json.Encoder()
