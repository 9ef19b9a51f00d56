"""`python -m tests.model.ahead FILE ...`: the dev host, with a clock that is ahead by the seconds that FILE holds.

So minutes pass at once for processes that are what users start in everything else.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from devhost.__main__ import main
from domain.kernel.clock import SystemClock


def set_ahead(file: Path, seconds: float) -> None:
    """Put the clocks of all who read *file* forward, by so much in all."""
    made = file.with_suffix(".new")
    made.write_text(f"{seconds}")
    made.replace(file)


if __name__ == "__main__":
    _file = Path(sys.argv[1])

    def now(_self: SystemClock) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(_file.read_text()))

    SystemClock.now = now  # type: ignore[assignment,method-assign]
    sys.exit(main(sys.argv[2:]))
