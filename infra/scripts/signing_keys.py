"""`python -m infra.scripts.signing_keys GROUP`: put the first signing key set into the vault, if there is none.

Keys that are there are never replaced: that would sign everybody out. `… admin GROUP rotate-keys` turns them over.
The set reaches `az` in a file that only this user can read, never on a command line, and is not kept.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from adapters.secrets.key_ring import encode_ring, fresh_ring
from infra.scripts.azure import Deployment, Failed, az


def put_if_absent(vault: str, secret: str) -> str:
    """Raises Failed, also when a deleted set of that name waits to be recovered."""
    if secret in (az("keyvault", "secret", "list", "--vault-name", vault, "--query", "[].name") or []):
        return f"{vault} has {secret} already; nothing was changed"
    with tempfile.TemporaryDirectory() as folder:  # mode 0700
        file = Path(folder) / "keys.json"
        file.touch(mode=0o600)
        file.write_text(encode_ring(fresh_ring()), "utf-8")
        az("keyvault", "secret", "set", "--vault-name", vault, "--name", secret, "--file", str(file), "--query", "name")
    return f"the first key set is in {vault} as {secret}"


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    if len(arguments) != 1:
        print("usage: python -m infra.scripts.signing_keys GROUP", file=sys.stderr)
        return 1
    try:
        deployment = Deployment.of(arguments[0])
        print(put_if_absent(deployment.text("keyVaultName"), deployment.text("signingKeysSecret")))
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
