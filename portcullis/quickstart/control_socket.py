"""How one asks the supervisor: a Unix socket that its account alone may open, one line `{"command": ...}` each way."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from portcullis.quickstart.errors import QuickstartError

Answer = Callable[[str], Awaitable[dict[str, Any]]]

STATUS_SECONDS = 5.0
STOP_SECONDS = 60.0


async def serve(path: Path, answer: Answer) -> asyncio.Server:
    async def on_connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            writer.write(json.dumps(await answer(str(request["command"]))).encode() + b"\n")
            await writer.drain()
        except (ValueError, KeyError, TypeError, ConnectionError):
            pass  # half a question: nobody to answer
        finally:
            writer.close()

    return await asyncio.start_unix_server(on_connect, sock=_listener(path))


def _listener(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o177)  # the umask is the process's: nothing may be awaited, or a part inherits it
    try:
        listener.bind(str(path))
    finally:
        os.umask(previous)
    return listener


def peer_uid(connection: socket.socket) -> int:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def ask(path: Path, command: str, timeout_seconds: float = STATUS_SECONDS) -> dict[str, Any] | None:
    """The supervisor's answer; None when there is none running. Raises QuickstartError when it hangs."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_seconds)
        try:
            connection.connect(str(path))
            if peer_uid(connection) != os.geteuid():
                return None  # in a folder that everybody can write to, anybody may listen by that name
            connection.sendall(json.dumps({"command": command}).encode() + b"\n")
            line = connection.makefile("rb").readline()
        except (FileNotFoundError, ConnectionError):
            return None
        except TimeoutError as exc:
            raise QuickstartError(
                f"the supervisor does not answer within {timeout_seconds:.0f} s ({path})"
            ) from exc
    answer = json.loads(line) if line else None
    return answer if isinstance(answer, dict) else None
