"""The Azure CLI, signed in with `az login`, and what a deployment of `infra/bicep/main.bicep` told."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

DEPLOYMENT: Final = "tools"
"""The deployment's name, as docs/deploy.md gives it."""
SECONDS: Final = 120
NOT_HERE: Final = ("APP_REDIS_URL", "APP_CHALLENGE_VERIFY_URL", "APP_CHALLENGE_SECRET", "DEVHOST_DATA")
"""Settings of the app that are of no use on an operator's machine."""


class Failed(Exception):
    """One clear line for the person at the terminal."""


def az(*arguments: str) -> Any:
    """What the CLI prints, read from its JSON; None for nothing. Raises Failed."""
    try:
        done = subprocess.run(
            ["az", *arguments, "--output", "json", "--only-show-errors"],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except FileNotFoundError:
        raise Failed("the Azure CLI (az) is not installed") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"az {' '.join(arguments[:3])} took more than {SECONDS} seconds") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise Failed(f"az {' '.join(arguments[:3])}: {lines[-1] if lines else 'failed'}")
    return json.loads(done.stdout) if done.stdout.strip() else None


@dataclass(frozen=True, slots=True)
class Deployment:
    """*outputs* are those of main.bicep, without secrets."""

    outputs: Mapping[str, Any]

    @classmethod
    def of(cls, group: str) -> "Deployment":
        """The last one in a resource group. Raises Failed."""
        told = az("deployment", "group", "show", "--resource-group", group, "--name", DEPLOYMENT)
        outputs = ((told or {}).get("properties") or {}).get("outputs")
        if not outputs:
            raise Failed(f"the deployment {DEPLOYMENT} in {group} has no outputs: did it fail?")
        return cls({name: each["value"] for name, each in outputs.items()})

    def text(self, name: str) -> str:
        """Raises Failed for an output the deployed template did not have."""
        try:
            return str(self.outputs[name])
        except KeyError:
            raise Failed(f"the deployment has no output {name}: deploy the present main.bicep first") from None

    @property
    def settings(self) -> dict[str, str]:
        """The app's settings, for use here: as a developer, so that the credential is that of `az login`.

        Redis admits the app only; whoever runs one command needs no shared counters. The challenge's secret is a
        reference that only the app's host resolves.
        """
        told: Mapping[str, str] = self.outputs.get("settings", {})
        return {**told, "APP_ENV": "development", **dict.fromkeys(NOT_HERE, "")}
