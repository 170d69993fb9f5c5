"""A process that was forked before its leader knew anything, and waits to be told what it is.

A leader learns what its worker must not know: what the user's programs are given, a password perhaps. What was in its
memory at the fork would be in the worker's. So the worker is forked first; account and descriptors come later.
"""

from __future__ import annotations

import json
import os
import pwd
import signal
import socket
from collections.abc import Mapping, Sequence
from typing import NoReturn

from agents.linux.leader import loaded, processes
from agents.linux.leader.loaded import Loaded

_MAXIMUM_BYTES = 128 << 10
_NAME = "portcullis-waits"


class Waiting:
    def __init__(self, program: Loaded) -> None:
        """Raises OSError."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, processes.child() as forked:
            if forked.here:
                control = processes.high_copy(theirs.fileno())
                loaded.keep_descriptors({0, 1, 2, control})
                _wait(socket.socket(fileno=control), program)
        self._pid = forked.pid

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        confinement: processes.Confinement,
        output: int,
        passed: int,
    ) -> int:
        """As `processes.start`; once. Raises OSError."""
        told = {
            "command": list(command),
            "environment": dict(environment),
            "account": confinement.account.pw_name,
            "groups": list(confinement.groups),
            "limits": dict(confinement.limits),
            "folder": confinement.folder,
        }
        with self._control:
            socket.send_fds(self._control, [json.dumps(told).encode()], [output, passed])
            if error := self._control.recv(4096):
                raise OSError(error.decode(errors="replace"))
        return self._pid


def _wait(control: socket.socket, program: Loaded) -> NoReturn:
    """Until its leader says what it is, or has gone."""
    processes.die_with_parent(signal.SIGKILL)
    loaded.show((_NAME,), {})
    data, descriptors, _, _ = socket.recv_fds(control, _MAXIMUM_BYTES, 2)
    if not data:
        os._exit(0)
    try:
        told = json.loads(data)
        account = pwd.getpwnam(told["account"])
        processes.confine(processes.Confinement(account, told["groups"], told["limits"], told["folder"]))
        output, passed = descriptors
        processes.arrange_descriptors(output, passed, None)
    except BaseException as exc:  # whatever it is: a child must not return
        control.send(f"{type(exc).__name__}: {exc}".encode()[:4096])
        os._exit(127)
    loaded.run(program, told["command"], told["environment"])
