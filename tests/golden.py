"""Rewrites the golden files. Read their diff: it is the change to the API that clients will see."""

import json
from pathlib import Path

import blueprints  # noqa: F401 - importing them fills ENDPOINTS
from web.declaration import ENDPOINTS
from web.openapi import describe

OPENAPI = Path(__file__).parents[1] / "docs" / "openapi.json"


def openapi_text() -> str:
    return json.dumps(describe(ENDPOINTS.values()), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    OPENAPI.write_text(openapi_text(), encoding="utf-8")
