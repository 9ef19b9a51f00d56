"""Rewrites the golden files. Read their diff: it is the change that clients, or Azure, will see."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import blueprints  # noqa: F401 - importing them fills ENDPOINTS
import function_app
from adapters.documents.indexing import indexing_policy
from devhost.functions import functions_of
from domain.kernel.containers import CONTAINERS
from runtime.development import fill_in
from runtime.settings import Settings
from web.declaration import ENDPOINTS
from web.openapi import describe

ROOT = Path(__file__).parents[1]
OPENAPI = ROOT / "docs" / "openapi.json"
INFRA_DATA = ROOT / "infra" / "bicep" / "data.json"


def openapi_text() -> str:
    return json.dumps(describe(ENDPOINTS.values()), indent=1, ensure_ascii=False) + "\n"


def _settings() -> Settings:
    with TemporaryDirectory() as folder:
        return Settings.read(fill_in({}, Path(folder)))


def infra_text() -> str:
    """What the Bicep takes from the code, as JSON."""
    functions = functions_of(function_app.app)
    data = {
        "hub": _settings().realtime.hub,
        "queues": sorted({each.trigger["queueName"] for each in functions if each.kind == "queueTrigger"}),
        "containers": [{"name": each.name, "indexingPolicy": indexing_policy(each)} for each in CONTAINERS],
    }
    return json.dumps(data, indent=2) + "\n"


if __name__ == "__main__":
    OPENAPI.write_text(openapi_text(), encoding="utf-8")
    INFRA_DATA.write_text(infra_text(), encoding="utf-8")
