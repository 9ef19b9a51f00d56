"""Microsoft's ODBC driver, from the package that brings it: in Azure the Functions image has it."""

import os
import platform
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.servers import missing

VERSION: Final = "ODBC Driver 18 for SQL Server"


def driver() -> Path:
    """The driver's library. Skips or fails the test where it, or unixODBC, is not there."""
    if find_spec("mssql_python_odbc") is None:
        missing("mssql-python-odbc is not installed (it is for Linux only)")
    import mssql_python_odbc

    folder = Path(mssql_python_odbc.get_libs_dir()) / "linux" / "debian_ubuntu" / platform.machine() / "lib"
    found = sorted(folder.glob("libmsodbcsql-18.*"))
    if not found:
        missing(f"Microsoft's driver is not there for {platform.machine()}, or not for this system's C library")
    try:
        import pyodbc  # noqa: F401 - whether it loads
    except ImportError as error:
        missing(f"unixODBC is not installed: {error}")
    return found[-1]


def connection_string(port: int, **more: str) -> str:
    """To a server on loopback; *more* members of the connection string."""
    named = {
        "Driver": os.fspath(driver()),
        "Server": f"tcp:127.0.0.1,{port}",
        "Database": "tools",
        "Encrypt": "yes",
        **more,
    }
    return ";".join(f"{name}={value}" for name, value in named.items())
