"""Sets up Microsoft's runtime beside ours, once, in `.build/functions_host`; README.md says from what.

Without the network the tests are skipped, loudly; with `REQUIRE_SERVERS=1` they fail.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from tests.functions_host.host.protocol import PROTOS
from tests.servers import ROOT, missing

HOME: Final = ROOT / ".build" / "functions_host" / f"{sys.version_info.major}.{sys.version_info.minor}"
REQUIREMENTS: Final = (ROOT / "requirements.txt", Path(__file__).parent / "requirements.txt")
RUNTIME: Final = "azure-functions-runtime==1.3.0"
MESSAGES: Final = "azure-functions-runtime-v1==1.2.0"
"""Its wheel happens to hold the compiled messages of FunctionRpc."""
_TIMEOUT_SECONDS: Final = 600


@dataclass(frozen=True)
class Runtime:
    """*python* has the runtime, the app's packages and the host's own."""

    python: Path
    messages: Path

    def environment(self) -> dict[str, str]:
        """For the host: it finds its own package and the messages, and nothing else of this repository."""
        alone = HOME / "path"
        alone.mkdir(exist_ok=True)
        link = alone / "tests"
        if not link.exists():
            link.symlink_to(ROOT / "tests", target_is_directory=True)
        hidden = ("APP_", "DEVHOST_", "PYTHON")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        return {**inherited, "PYTHONPATH": str(alone), PROTOS: str(self.messages)}


def runtime() -> Runtime:
    """Set up on first use. Skips or fails the test where that cannot be done."""
    HOME.mkdir(parents=True, exist_ok=True)
    mark = HOME / "installed"
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in (*REQUIREMENTS, Path(__file__)))).hexdigest()
    made = Runtime(HOME / "venv" / "bin" / "python", HOME / "protos")
    with _locked():
        if not mark.exists() or mark.read_text() != wanted:
            _set_up(made)
            mark.write_text(wanted)
    return made


def stage_app(folder: Path) -> Path:
    """Copy what would be deployed, by `.funcignore`, to *folder*."""
    lines = (ROOT / ".funcignore").read_text().splitlines()
    left_out = [line.rstrip("/") for line in lines if line and not line.startswith("#")]

    def ignore(_: str, names: list[str]) -> list[str]:
        return [name for name in names if any(fnmatch(name, pattern) for pattern in left_out)]

    return Path(shutil.copytree(ROOT, folder, ignore=ignore))


@contextmanager
def _locked() -> Iterator[None]:
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _set_up(made: Runtime) -> None:
    shutil.rmtree(made.python.parents[1], ignore_errors=True)
    _run(sys.executable, "-m", "venv", str(made.python.parents[1]))
    pip = (str(made.python), "-m", "pip", "--quiet", "--disable-pip-version-check")
    _run(*pip, "install", "--require-hashes", "-r", str(REQUIREMENTS[0]))
    _run(*pip, "install", "-r", str(REQUIREMENTS[1]))
    # Its metadata asks for Python 3.13, where Azure uses it; it runs unchanged on 3.11 and 3.12.
    unchecked = ("--no-deps", "--ignore-requires-python")
    _run(*pip, "install", *unchecked, RUNTIME)
    _run(*pip, "download", *unchecked, "--dest", str(HOME), MESSAGES)
    [wheel] = HOME.glob("azure_functions_runtime_v1-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith("tests/protos/")]
        archive.extractall(HOME / "unpacked", names)
    shutil.rmtree(made.messages, ignore_errors=True)
    (HOME / "unpacked" / "tests" / "protos").rename(made.messages)
    wheel.unlink()


def _run(*command: str) -> None:
    done = subprocess.run(  # noqa: S603 - fixed arguments
        command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS
    )
    if done.returncode:
        missing(f"Microsoft's Functions runtime cannot be installed: {done.stderr.strip()[-300:]}")
