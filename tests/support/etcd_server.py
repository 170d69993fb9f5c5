"""One etcd member for many tests, emptied between them: what needs no cluster need not start one each time."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.etcd import etcd_binary
from tests.support.patience import patient
from tests.support.ports import free_ports

START_SECONDS = 30.0


class EtcdServer:
    """Made by `etcd_server`."""

    def __init__(self, folder: Path) -> None:
        port, peer = free_ports(2)
        self.address = f"etcd://127.0.0.1:{port}"
        self._endpoint = f"127.0.0.1:{port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes]
        self._arguments = (
            *("--name=one", f"--data-dir={folder / 'data'}", "--log-level=error"),
            *(
                f"--listen-client-urls=http://{self._endpoint}",
                f"--advertise-client-urls=http://{self._endpoint}",
            ),
            *(f"--listen-peer-urls=http://127.0.0.1:{peer}",),
        )

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                (etcd_binary(), *self._arguments), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + patient(START_SECONDS)
        while self._control("endpoint", "health").returncode != 0:
            assert time.monotonic() < deadline, (self._folder / "log").read_text()
            assert self._process.poll() is None, (self._folder / "log").read_text()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def empty(self) -> None:
        self._control("del", "", "--prefix").check_returncode()

    def _control(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ("etcdctl", f"--endpoints={self._endpoint}", *words),
            env={"ETCDCTL_API": "3"},
            capture_output=True,
            check=False,
        )


@contextmanager
def etcd_server(folder: Path) -> Iterator[EtcdServer]:
    server = EtcdServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
