"""`python -m infra.scripts.sql_user GROUP`: make the app's user in the database. Safe to repeat.

Run by a member of the operators' group, who administers the server. The user is made from the identity's client id
(`WITH SID`), so the server needs no right to look into the directory. It may read and write rows; the schema is changed
by operators (`python -m infra.scripts.admin GROUP migrate`).
"""

import asyncio
import sys
import uuid
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from domain.kernel.errors import Unavailable
from infra.scripts.azure import Deployment, Failed
from runtime.parts import Parts
from runtime.settings import Settings

ROLES: Final = ("db_datareader", "db_datawriter")


def statements(name: str, client_id: str) -> list[str]:
    """T-SQL that makes the user *name* for the identity *client_id*; where a former identity had the name, anew.

    The SID of a service principal is its client id, as the 16 bytes of a Windows GUID.
    """
    sid = f"0x{uuid.UUID(client_id).bytes_le.hex().upper()}"
    text, quoted = name.replace("'", "''"), name.replace("]", "]]")
    known = f"SELECT 1 FROM sys.database_principals WHERE name = N'{text}'"  # noqa: S608 - quoted above
    return [
        f"IF EXISTS ({known} AND sid <> {sid}) DROP USER [{quoted}]",
        f"IF NOT EXISTS ({known}) CREATE USER [{quoted}] WITH SID = {sid}, TYPE = E",
        *(f"ALTER ROLE {role} ADD MEMBER [{quoted}]" for role in ROLES),
    ]


async def make_user(deployment: Deployment) -> str:
    """Raises Failed, Unavailable."""
    name = deployment.text("identityName")
    wanted = statements(name, deployment.text("identityClientId"))

    def run(connection: Connection) -> None:
        for statement in wanted:
            connection.exec_driver_sql(statement)

    parts = Parts(Settings.read(deployment.settings))
    try:
        await parts.sql.write(run)
    finally:
        await parts.close()
    return f"{name} may read and write"


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    if len(arguments) != 1:
        print("usage: python -m infra.scripts.sql_user GROUP", file=sys.stderr)
        return 1
    try:
        print(asyncio.run(make_user(Deployment.of(arguments[0]))))
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    except Unavailable:
        print("the database does not answer: is this machine's address in the server's firewall?", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
