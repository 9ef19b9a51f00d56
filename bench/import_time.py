"""What importing the app costs, as a multiple of importing `azure.functions` alone: cold start is mostly this.

    python bench/import_time.py [ROUNDS]

CPU time, the median of fresh interpreters taking turns, so that a busy machine disturbs both alike.
"""

import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CODE = "import time; start = time.process_time(); import {module}; print(time.process_time() - start)"
MODULES = ("azure.functions", "function_app")


def seconds_to_import(module: str) -> float:
    """CPU seconds, in a fresh interpreter."""
    command = [sys.executable, "-c", CODE.format(module=module)]
    return float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)  # noqa: S603


def main(rounds: int) -> None:
    for module in MODULES:
        seconds_to_import(module)  # compiles what was never compiled
    taken: dict[str, list[float]] = {module: [] for module in MODULES}
    for _ in range(rounds):
        for module in MODULES:
            taken[module].append(seconds_to_import(module))
    alone, app = (statistics.median(taken[module]) for module in MODULES)
    print(f"azure.functions alone {alone * 1000:.0f} ms, function_app {app * 1000:.0f} ms: {app / alone:.2f} times")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
