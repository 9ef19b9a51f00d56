"""Import time is cold-start time: what `import function_app` may load, and what waits for its first use."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

HEAVY = {
    "azure SDKs": (
        "azure.core",
        "azure.cosmos",
        "azure.identity",
        "azure.messaging",
        "azure.storage",
        "azure.keyvault",
    ),
    "cloud": ("azure.core", "azure.cosmos", "azure.identity", "azure.messaging"),
    "SQL": ("sqlalchemy", "alembic", "pyodbc"),
    "crypto": ("jwt", "cryptography", "argon2", "py_vapid", "pywebpush"),
    "content": ("PIL", "puremagic", "zipfile"),
    "networking": ("aiohttp", "redis", "httpx", "requests"),
    "development": ("devhost", "tests", "pytest", "uvicorn", "starlette"),
}


def modules_after(statement: str) -> set[str]:
    """What a fresh interpreter has loaded after *statement*."""
    code = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return set(json.loads(done.stdout))


def test_importing_the_app_loads_nothing_that_can_wait() -> None:
    loaded = modules_after("import function_app")
    found = {
        kind: sorted(name for name in loaded if any(name == one or name.startswith(f"{one}.") for one in names))
        for kind, names in HEAVY.items()
    }
    assert found == {kind: [] for kind in HEAVY}


def test_of_azure_only_functions_is_loaded() -> None:
    loaded = modules_after("import function_app")
    ours = {name.split(".")[1] for name in loaded if name.startswith("azure.")}
    assert ours == {"functions"}


def test_the_app_adds_few_modules_to_azure_functions() -> None:
    """A budget, raised on purpose only. Our own modules do not count; what they pull in does."""
    added = modules_after("import function_app") - modules_after("import azure.functions")
    own = ("adapters", "blueprints", "domain", "function_app", "runtime", "web")
    foreign = sorted({name.split(".")[0] for name in added if name.split(".")[0] not in own and name[0] != "_"})
    third_party = [name for name in foreign if name not in sys.stdlib_module_names]
    assert set(third_party) <= {"msgspec", "typing_extensions"}  # the second by the first


def test_the_dev_host_starts_without_what_nobody_has_asked_for_yet() -> None:
    """Half of its start and a third of its memory were these."""
    loaded = modules_after("import devhost.ground, devhost.host, function_app")
    waits = {*HEAVY["SQL"], *HEAVY["crypto"], *HEAVY["cloud"], *HEAVY["networking"], "PIL"}
    assert sorted(name for name in loaded if any(name == one or name.startswith(f"{one}.") for one in waits)) == []


def test_the_realtime_adapter_brings_microsofts_client_with_the_first_call() -> None:
    loaded = modules_after("import adapters.realtime.webpubsub")
    assert not {"azure.core", "azure.messaging.webpubsubservice", "aiohttp", "jwt"} & loaded
