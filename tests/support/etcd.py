"""A real etcd cluster of a test: members with mTLS on loopback, to be killed, frozen and wiped.

    async with EtcdCluster(tmp_path) as etcd:
        grid = await open_grid(etcd.choice(state), may_create=True)
        await etcd.members[0].kill()

The binary is `PORTCULLIS_ETCD`, or the newest of PATH and Debian's; its version is printed once.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from broker.grid.opening import GridChoice
from tests.support.patience import patient
from tests.support.ports import free_ports

ASKED = os.environ.get("PORTCULLIS_ETCD", "")
"""Read at import: tests see no setting of whoever runs them."""
START_SECONDS = 30.0


@cache
def etcd_binary() -> str:
    """Raises FileNotFoundError: a test that needs etcd fails without it."""
    found = [ASKED] if ASKED else sorted({*_on_path("etcd"), *_existing("/usr/bin/etcd")}, key=_version)
    if not found:
        raise FileNotFoundError("no etcd on PATH: tests/run.sh installs Debian's etcd-server")
    print(
        f"etcd of the tests: {found[-1]}, version {'.'.join(map(str, _version(found[-1])))}", file=sys.stderr
    )
    return found[-1]


def _on_path(name: str) -> list[str]:
    return [path for path in [shutil.which(name)] if path]


def _existing(*paths: str) -> list[str]:
    return [path for path in paths if os.access(path, os.X_OK)]


def _version(binary: str) -> tuple[int, ...]:
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    numbers = re.search(r"etcd Version: (\d+)\.(\d+)\.(\d+)", said)
    assert numbers, said
    return tuple(int(number) for number in numbers.groups())


class Certificates:
    """A CA for one cluster, a certificate for its members and one for its clients."""

    def __init__(self, folder: Path, client_name: str = "portcullis") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "etcd of a test")])
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(self._signed(self._name, self._key.public_key(), is_ca=True))
        self.member, self.member_key = self.issue("member")
        self.client, self.client_key = self.issue(client_name)

    def issue(self, name: str, days: int = 1) -> tuple[Path, Path]:
        """Certificate and key files. With negative `days` it has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate, key_file = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.write_bytes(self._signed(subject, key.public_key(), days=days))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        key_file.chmod(0o600)
        return certificate, key_file

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, is_ca: bool = False, days: int = 1
    ) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 3 * day)
            .not_valid_after(now + days * day)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if not is_ca:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
            names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(usage, critical=False)
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@dataclass
class Member:
    name: str
    folder: Path
    client_port: int
    peer_port: int = 0
    group: int | None = None
    """Under which it runs, so that a firewall can tell its packets; None: ours."""
    arguments: Sequence[str] = ()
    process: asyncio.subprocess.Process | None = None

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.client_port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    async def start(self, *more: str) -> None:
        """Does not wait until it answers: a member may need others for that."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder.parent / f"{self.name}.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                etcd_binary(),
                *self.arguments,
                *more,
                group=self.group,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.thaw()
            self.process.kill()
            await self.process.wait()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Its disk is lost. Only of a member that was killed."""
        shutil.rmtree(self.folder)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)


@dataclass
class EtcdCluster:
    """`more`: arguments of every member (a quota, say)."""

    folder: Path
    size: int = 3
    tls: bool = True
    more: Sequence[str] = ()
    first_group: int | None = None
    """Each member runs under a group of its own, counted from here."""
    members: list[Member] = field(default_factory=list)
    certificates: Certificates | None = None

    async def __aenter__(self) -> EtcdCluster:
        if self.tls:
            self.certificates = Certificates(self.folder / "certificates")
        ports = free_ports(2 * self.size)
        names = [f"m{number}" for number in range(self.size)]
        peers = dict(zip(names, ports[self.size :], strict=True))
        for name, port in zip(names, ports, strict=False):
            arguments = self._arguments(name, port, peers, "new")
            group = None if self.first_group is None else self.first_group + len(self.members)
            self.members.append(Member(name, self.folder / name, port, peers[name], group, arguments))
        await asyncio.gather(*(member.start() for member in self.members))
        try:
            await self.until_healthy()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(member.kill() for member in self.members))

    @property
    def scheme(self) -> str:
        return "etcds" if self.tls else "etcd"

    @property
    def address(self) -> str:
        return f"{self.scheme}://" + ",".join(member.endpoint for member in self.members)

    @property
    def arguments(self) -> tuple[str, ...]:
        """For the command line of a broker."""
        if self.certificates is None:
            return ("--grid", self.address)
        files = self.certificates
        return (
            *("--grid", self.address, "--grid-ca", str(files.ca)),
            *("--grid-cert", str(files.client), "--grid-key", str(files.client_key)),
        )

    def choice(self, state: Path) -> GridChoice:
        files = self.certificates
        return GridChoice(
            self.address,
            state,
            ca=files.ca if files else None,
            cert=files.client if files else None,
            key=files.client_key if files else None,
        )

    async def until_healthy(self) -> None:
        """Every member that runs answers, and there is a leader."""
        async with asyncio.timeout(patient(START_SECONDS)):
            while True:
                running = [m for m in self.members if m.process is not None and m.process.returncode is None]
                states = await self.states()
                if len(states) == len(running) and all(state["leader"] for state in states.values()):
                    return
                await asyncio.sleep(0.1)

    async def states(self) -> dict[str, dict[str, Any]]:
        """By member's name: what etcdctl says of those that answer."""
        said = await asyncio.gather(*(self._state(member) for member in self.members))
        return {
            member.name: state for member, state in zip(self.members, said, strict=True) if state is not None
        }

    async def leader(self) -> Member:
        async with asyncio.timeout(patient(START_SECONDS)):
            while True:
                for name, state in (await self.states()).items():
                    if state["leader"] == state["header"]["member_id"]:
                        return next(member for member in self.members if member.name == name)
                await asyncio.sleep(0.1)

    async def members_agree(self) -> bool:
        """Whether all hold the same data at the same revision, by etcd's own hash over it."""
        await self.until_healthy()
        async with asyncio.timeout(patient(START_SECONDS)):
            while True:
                said = await asyncio.gather(*(self._hash(member) for member in self.members))
                if len({revision for revision, _ in said}) == 1:
                    return len(set(said)) == 1
                await asyncio.sleep(0.2)

    async def control(self, member: Member, *words: str) -> Any:
        """What `etcdctl` answers of one member, parsed if it is JSON; None when it does not."""
        files = self.certificates
        scheme = "https" if self.tls else "http"
        tls = [f"--cacert={files.ca}", f"--cert={files.client}", f"--key={files.client_key}"] if files else []
        process = await asyncio.create_subprocess_exec(
            *("etcdctl", f"--endpoints={scheme}://{member.endpoint}", "--command-timeout=1s", "-w=json"),
            *(*tls, *words),
            env={"ETCDCTL_API": "3"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        output, _ = await process.communicate()
        if process.returncode != 0 or not output:
            return None
        try:
            return json.loads(output)
        except ValueError:  # some commands know no JSON
            return output.decode()

    async def _state(self, member: Member) -> dict[str, Any] | None:
        if member.process is None or member.process.returncode is not None:
            return None
        said = await self.control(member, "endpoint", "status")
        status: dict[str, Any] | None = said[0]["Status"] if said else None
        return {"leader": 0, **status} if status else None

    async def _hash(self, member: Member) -> tuple[int, int]:
        said = await self.control(member, "endpoint", "hashkv")
        if not said:
            return (-1 - self.members.index(member), 0)
        return (said[0]["HashKV"]["header"]["revision"], said[0]["HashKV"]["hash"])

    def _arguments(self, name: str, port: int, peers: dict[str, int], state: str) -> list[str]:
        scheme = "https" if self.tls else "http"
        cluster = ",".join(f"{peer}={scheme}://127.0.0.1:{number}" for peer, number in peers.items())
        tls = []
        if files := self.certificates:
            for prefix in ("", "peer-"):
                tls += [f"--{prefix}trusted-ca-file={files.ca}", f"--{prefix}client-cert-auth"]
                tls += [f"--{prefix}cert-file={files.member}", f"--{prefix}key-file={files.member_key}"]
        return [
            f"--name={name}",
            f"--data-dir={self.folder / name}",
            f"--listen-client-urls={scheme}://127.0.0.1:{port}",
            f"--advertise-client-urls={scheme}://127.0.0.1:{port}",
            f"--listen-peer-urls={scheme}://127.0.0.1:{peers[name]}",
            f"--initial-advertise-peer-urls={scheme}://127.0.0.1:{peers[name]}",
            f"--initial-cluster={cluster}",
            f"--initial-cluster-state={state}",
            "--log-level=warn",
            *tls,
            *self.more,
        ]
