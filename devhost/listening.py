"""Sockets taken before anything else starts, so that a port in use is one clear line."""

import errno
import socket
from typing import Final

from devhost.options import Misuse

_BACKLOG: Final = 2048


def listen(host: str, port: int, flag: str) -> socket.socket:
    """Listen on *port*, or a free one for 0. *flag* names the option to change. Raises Misuse."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Misuse(f"cannot listen on {host}: {error.strerror}") from error
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        taken.listen(_BACKLOG)
        taken.setblocking(False)  # noqa: FBT003 - the standard library's
    except OSError as error:
        taken.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise Misuse(f"port {port} of {host} {why}; choose another with {flag}") from error
    return taken


def url_at(host: str, port: int) -> str:
    """Where to reach it from this machine. Loopback is called `localhost`: cookie jars want a name."""
    if host in {"127.0.0.1", "::1", "0.0.0.0", "::", "localhost"}:  # noqa: S104 - compared, not bound
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
