"""Hands a command to the process that holds the embedded stores, and brings back what it says."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Final

from runtime.commands import CommandFailed
from runtime.data_folder import Holder

_TIMEOUT_SECONDS: Final = 60.0


def ask_holder(holder: Holder, command: str, options: Mapping[str, str], text: str) -> tuple[int, str]:
    """Exit status and output. Raises CommandFailed when the holder does not answer."""
    request = urllib.request.Request(  # noqa: S310 - an http URL from our own lock file
        holder.control_url,
        data=json.dumps({"command": command, "options": dict(options), "input": text}).encode(),
        headers={"Authorization": f"Bearer {holder.secret}", "Content-Type": "application/json"},
        method="POST",
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback: no proxy knows it
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as reply:
            said = json.load(reply)
    except (urllib.error.URLError, TimeoutError, ValueError) as error:
        raise CommandFailed(f"process {holder.pid} holds the data folder and does not take commands") from error
    return int(said["status"]), str(said["output"])
