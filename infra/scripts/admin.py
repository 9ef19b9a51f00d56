"""`python -m infra.scripts.admin GROUP COMMAND …`: `python -m runtime.admin` on what is deployed in a resource group.

It runs here, over the services there, signed in as whoever runs it (`az login`): the operators' group may do so, the
app's own identity never leaves Azure. Exit status 0, or 1 with one clear line.
"""

import sys
from collections.abc import Mapping, Sequence

from infra.scripts.azure import Deployment, Failed
from runtime import admin
from runtime.development import read_local_settings


def environment(deployed: Mapping[str, str], *, local: Mapping[str, str]) -> dict[str, str]:
    """What the command reads: none of this machine's *local* settings, which `runtime.admin` would add, is left."""
    return {**dict.fromkeys(local, ""), **deployed}


def main(arguments: Sequence[str]) -> int:
    if len(arguments) < 2:  # noqa: PLR2004 - a group and a command
        print("usage: python -m infra.scripts.admin GROUP COMMAND …", file=sys.stderr)
        return 1
    group, *command = arguments
    try:
        settings = Deployment.of(group).settings
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return admin.main(command, environment(settings, local=read_local_settings()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
