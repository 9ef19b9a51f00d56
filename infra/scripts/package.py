"""`python -m infra.scripts.package FILE.zip`: what is deployed: the committed files that `.funcignore` does not name.

The same commit gives the same bytes, so a package can be told from another by its hash.
"""

import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip file knows."""


def names() -> list[str]:
    """Paths of the files, in order. `.funcignore` has git's own syntax, so git reads it."""
    kept = _git("ls-files", "--cached")
    return sorted(set(kept) - set(_git("ls-files", "--cached", "--ignored", "--exclude-from=.funcignore")))


def write(target: Path) -> int:
    """Returns how many files went in."""
    found = names()
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name in found:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            package.writestr(entry, (ROOT / name).read_bytes())
    return len(found)


def _git(*arguments: str) -> list[str]:
    told = subprocess.run(["git", *arguments, "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in told.stdout.split("\0") if name]


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    if len(arguments) != 1:
        print("usage: python -m infra.scripts.package FILE.zip", file=sys.stderr)
        return 1
    if _git("status", "--porcelain"):
        print("commit first: the package is made of the files here, and named after the commit", file=sys.stderr)
        return 1
    count = write(Path(arguments[0]))
    print(f"{count} files in {arguments[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
