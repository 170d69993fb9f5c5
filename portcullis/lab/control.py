"""What one can ask a running lab: its supervisor, its network, and each part whether it is ready."""

from __future__ import annotations

import http.client
import json
from typing import Any

from portcullis.lab import layout
from portcullis.lab.layout import Lab
from portcullis.quickstart import control_socket, health


def ask(
    lab: Lab, command: str, timeout_seconds: float = control_socket.STATUS_SECONDS
) -> dict[str, Any] | None:
    """The supervisor's answer; None when there is none. Raises QuickstartError when it hangs."""
    return control_socket.ask(lab.control_socket, command, timeout_seconds)


def trouble_of(lab: Lab, name: str, drained_is_well: bool = False) -> str | None:
    """Why a part is not ready; None when it is. One that an administrator drains serves nobody, and is as it should."""
    port = lab.ports[f"{name}.metrics"]
    said = member_trouble(port) if layout.kind_of(name) == "etcd" else health.part_trouble(port)
    if said is None or (drained_is_well and said.endswith("is draining")):
        return None
    return f"{name}: {said}"


def member_trouble(port: int) -> str | None:
    """Why an etcd member serves no writes."""
    try:
        body = plain_get(port, "/health")
        healthy = json.loads(body).get("health")
    except (OSError, ValueError, http.client.HTTPException) as exc:
        return str(exc) or type(exc).__name__
    return None if healthy in ("true", True) else "it has no leader"


def is_leader(port: int) -> bool:
    """Of an etcd member, by its metrics."""
    try:
        lines = plain_get(port, "/metrics").decode().splitlines()
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return "etcd_server_is_leader 1" in lines


def plain_get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()
