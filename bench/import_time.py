"""What importing costs, in CPU of fresh interpreters: cold start is mostly this.

    python -m bench.import_time [ROUNDS]

**cloud** is what an instance in Azure has imported after a signed-in read: the app, the sign-in, and the SDKs of the
document store, the cache and the vault. **everything** is every module of ours at once, and what they stand on, as an
app imports it that leaves nothing for later. Both from bytecode: a deployment is compiled when it is built.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
CODE: Final = "import importlib, sys, time; start = time.process_time(); {imports}; print(time.process_time() - start)"
NO_BYTECODE: Final = "PYTHONDONTWRITEBYTECODE"
"""Set, it makes each start compile our sources anew, and only ours."""
PACKAGES: Final = ("adapters", "blueprints", "domain", "runtime", "web")
CLOUD: Final = (
    "function_app",
    "runtime.auth_parts",
    "runtime.users_parts",
    "adapters.documents.cosmos",
    "adapters.cache.redis",
    "adapters.secrets.key_vault",
    "adapters.tokens.access",
    "azure.identity.aio",
)
LATE: Final = ("azure.identity.aio", "alembic.command", "puremagic")
"""What ours imports inside functions."""


def everything() -> tuple[str, ...]:
    files = (path.relative_to(ROOT).with_suffix("") for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
    ours = sorted(".".join(file.parts).removesuffix(".__init__") for file in files)
    return ("function_app", *ours, *LATE)


def milliseconds_to_import(modules: tuple[str, ...]) -> float:
    """CPU, in a fresh interpreter."""
    imports = f"[importlib.import_module(each) for each in {modules!r}]"
    command = [sys.executable, "-c", CODE.format(imports=imports)]
    compiled = {name: value for name, value in os.environ.items() if name != NO_BYTECODE}
    done = subprocess.run(command, cwd=ROOT, env=compiled, capture_output=True, text=True, check=True)  # noqa: S603
    return float(done.stdout.splitlines()[-1]) * 1000


def main(rounds: int) -> None:
    sets = {"azure.functions": ("azure.functions",), "function_app": ("function_app",), "cloud": CLOUD}
    sets["everything"] = everything()
    for modules in sets.values():
        milliseconds_to_import(modules)  # compiles what was never compiled
    taken: dict[str, list[float]] = {name: [] for name in sets}
    for _ in range(rounds):  # in turn, so that a busy machine disturbs all alike
        for name, modules in sets.items():
            taken[name].append(milliseconds_to_import(modules))
    most = statistics.median(taken["everything"])
    for name, seen in taken.items():
        print(f"{name:16}{statistics.median(seen):5.0f} ms  {statistics.median(seen) / most:.2f} of everything")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
