"""`python -m infra.scripts.event_audience STAGE`: register what the realtime service asks tokens for. Safe to repeat.

Web PubSub signs in to the app with its identity, and Entra gives tokens only for something that is registered: an
application with an identifier and nothing else, no secret and no permission. The tenant-wide step of a deployment,
which needs the right to register applications.
"""

import sys
from collections.abc import Sequence

from infra.scripts.azure import Failed, az


def register(stage: str) -> str:
    """Raises Failed."""
    tenant = az("account", "show", "--query", "tenantId")
    name = f"tools-{stage}-events"
    audience = f"api://{tenant}/{name}"  # as main.bicep's eventAudience
    found = az("ad", "app", "list", "--identifier-uri", audience, "--query", "[].appId")
    made = not found
    app_id = found[0] if found else _create(name, audience)
    if not az("ad", "sp", "list", "--filter", f"appId eq '{app_id}'", "--query", "[].id"):
        az("ad", "sp", "create", "--id", app_id)
        made = True
    return f"{audience} {'was registered' if made else 'is registered already'}"


def _create(name: str, audience: str) -> str:
    single = ("--sign-in-audience", "AzureADMyOrg")
    return str(
        az("ad", "app", "create", "--display-name", name, "--identifier-uris", audience, *single, "--query", "appId")
    )


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    if len(arguments) != 1 or arguments[0] not in {"dev", "prod"}:
        print("usage: python -m infra.scripts.event_audience dev|prod", file=sys.stderr)
        return 1
    try:
        print(register(arguments[0]))
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
