"""What this machine tells of an instance: files, processes, listeners, disks. Gathered once, judged elsewhere.

An ordinary user sees less than root. What could not be looked at is None, and the checks say so.
"""

from __future__ import annotations

import ctypes
import dataclasses
import http.client
import json
import os
import re
import shutil
import socket
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from cryptography import x509

from portcullis.model.host import Isolation
from portcullis.quickstart import control_socket, place, system_packages
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import Instance
from portcullis.quickstart.parts import PARTS

PROBE_SECONDS = 3.0
SESSION_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
"""Where applications are looked for (agents/linux/environment.py)."""
FRAMEBUFFERS = Path("/dev/shm")  # noqa: S108
VIDEO = {
    "libyuv0": ("libyuv.so.0",),
    "libx264-164 or libvpx7": ("libx264.so.164", "libx264.so.165", "libvpx.so.7"),
}
"""What sends motion as video, by the package: one of the files of each (agents/worker/video)."""
_METRIC = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class PartState:
    name: str
    pid: int | None
    restarts: int


@dataclass(frozen=True, slots=True)
class Listener:
    name: str
    address: str
    port: int
    answers: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """The metrics listener of a part. `answers` is False when nobody listens there."""

    part: str
    port: int
    answers: bool
    reasons: tuple[str, ...] = ()
    """Why it is not ready."""
    version: str | None = None
    grouping: str | None = None
    """Of the agent: the backend that bounds sessions."""


@dataclass(frozen=True, slots=True)
class PrivateFile:
    path: Path
    mode: int
    """Permission bits."""


@dataclass(frozen=True, slots=True)
class Certificate:
    path: Path
    begins: float
    ends: float
    renewed_by_itself: bool


@dataclass(frozen=True, slots=True)
class Disk:
    path: Path
    purpose: str
    total_bytes: int
    free_bytes: int
    total_inodes: int
    free_inodes: int
    """0 of 0 where the file system does not count them."""


@dataclass(frozen=True, slots=True)
class Machine:
    found: Instance
    is_owner: bool
    """Whether it belongs to the account that looks: only that one may ask the supervisor."""
    parts: tuple[PartState, ...] | None
    """None: the supervisor does not run, or may not be asked."""
    release: str | None = None
    listeners: tuple[Listener, ...] = ()
    probes: tuple[Probe, ...] = ()
    files: tuple[PrivateFile, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    disks: tuple[Disk, ...] = ()
    missing_packages: tuple[str, ...] = ()
    missing_video: tuple[str, ...] = ()
    """Without any of these packages no session sends video."""
    runs_sessions: bool = True
    unread: tuple[str, ...] = ()
    """Files that could not be read."""
    command_lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of the parts that run."""


def find(clone: Path) -> Instance | None:
    """The instance of this clone, whoever made it. Raises QuickstartError when its file is damaged, OSError when
    it may not be read."""
    for isolation in get_args(Isolation):
        path = place.place(clone, isolation).state / "instance.json"
        try:
            made = Instance.from_json(json.loads(path.read_text()))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (ValueError, KeyError, TypeError) as exc:
            raise QuickstartError(f"{path} is damaged: {exc or type(exc).__name__}") from exc
        if made.isolation == isolation:
            return dataclasses.replace(made, clone=clone)
    return None


def look(found: Instance) -> Machine:
    is_owner = _is_own(found)
    status = _supervisor(found) if is_owner else None
    names = PARTS[found.role]
    files, unread = _files(found)
    parts = None if status is None else tuple(map(_part, status.get("parts", ())))
    return Machine(
        found=found,
        is_owner=is_owner,
        parts=parts,
        release=None if status is None else str(status.get("release")),
        listeners=tuple(_listeners(found)),
        probes=tuple(probe(name, found.ports.metrics(name)) for name in names if found.ports.metrics(name)),
        files=files,
        certificates=tuple(_certificates(found)),
        disks=tuple(_disks(found)),
        missing_packages=tuple(system_packages.missing()) if "agent" in names else (),
        missing_video=tuple(missing_video()) if "agent" in names else (),
        runs_sessions="agent" in names,
        unread=unread,
        command_lines={part.name: command_line(part.pid) for part in parts or () if part.pid},
    )


def _is_own(found: Instance) -> bool:
    """Its supervisor answers this account alone, not even root in another's stead."""
    try:
        return found.state.stat().st_uid == os.geteuid()
    except OSError:
        return False


def command_line(pid: int) -> tuple[str, ...]:
    """Empty when the process has gone."""
    try:
        return tuple(Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0"))
    except OSError:
        return ()


def is_program(word: str) -> bool:
    """Whether an application's command exists here, as the agent would look for it."""
    return shutil.which(word, path=SESSION_PATH) is not None


def missing_video() -> Iterable[str]:
    return (package for package, files in VIDEO.items() if not any(map(_loads, files)))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def probe(part: str, port: int) -> Probe:
    try:
        status, body = _get(port, "/readyz")
        _, text = _get(port, "/metrics")
    except (OSError, http.client.HTTPException):
        return Probe(part, port, False)
    facts = dict(_labels(text.decode(errors="replace")))
    return Probe(part, port, True, _reasons(status, body), facts.get("version"), facts.get("backend"))


def _get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(1 << 20)
    finally:
        connection.close()


def _reasons(status: int, body: bytes) -> tuple[str, ...]:
    if status == 200:
        return ()
    try:
        return tuple(map(str, json.loads(body)["reasons"]))
    except (ValueError, KeyError, TypeError):
        return (f"HTTP status {status}",)


def _labels(text: str) -> Iterable[tuple[str, str]]:
    """Of the two series whose labels say something: build and grouping."""
    for line in text.splitlines():
        match = _METRIC.fullmatch(line)
        if match and match[1] in ("portcullis_build_info", "portcullis_agent_grouping"):
            yield from _LABEL.findall(match[2] or "")


def _supervisor(found: Instance) -> dict[str, Any] | None:
    try:
        return control_socket.ask(found.control_socket, "status")
    except (OSError, ValueError, QuickstartError):
        return None


def _part(data: dict[str, Any]) -> PartState:
    return PartState(str(data["name"]), data["pid"], int(data["restarts"]))


def _listeners(found: Instance) -> Iterable[Listener]:
    names = {found.ports.broker: "broker", found.ports.gateway_inner: "gateway, for hosts"}
    for address, port in found.sockets:
        yield Listener(names.get(port, "gateway, for browsers"), address, port, _answers(address, port))


def _answers(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), PROBE_SECONDS):
            return True
    except OSError:
        return False


def _files(found: Instance) -> tuple[tuple[PrivateFile, ...], tuple[str, ...]]:
    """What nobody but its owner may read."""
    state, var = found.state, found.clone / "var"
    wanted = [
        *(state / name for name in ("broker", "gateway", "agent", "secrets.json", "supervisor.sock")),
        *(state / "broker" / name for name in ("site.key", "grid.sqlite")),
        *(state / part / "machine.pem" for part in ("gateway", "agent")),
        *(state / "gateway/public.pem", found.given_certificate),
        *(var / name for name in ("profile.json", "quickstart.json")),
    ]
    files, unread = [], []
    for path in wanted:
        try:
            files.append(PrivateFile(path, stat.S_IMODE(path.stat().st_mode)))
        except FileNotFoundError:
            pass
        except OSError:
            unread.append(str(path))
    return tuple(files), tuple(unread)


def _certificates(found: Instance) -> Iterable[Certificate]:
    given = (found.given_certificate, False)
    own = ((found.state / part / "machine.pem", True) for part in ("gateway", "agent"))
    for path, renewed in (*own, (found.state / "gateway/public.pem", True), given):
        try:
            read = x509.load_pem_x509_certificate(path.read_bytes())
        except (OSError, ValueError):
            continue
        begins, ends = read.not_valid_before_utc.timestamp(), read.not_valid_after_utc.timestamp()
        yield Certificate(path, begins, ends, renewed)


def _disks(found: Instance) -> Iterable[Disk]:
    for path, purpose in ((found.state, "the grid, logs and homes"), (FRAMEBUFFERS, "framebuffers")):
        try:
            told = os.statvfs(path)
        except OSError:
            continue
        sizes = (told.f_blocks * told.f_frsize, told.f_bavail * told.f_frsize)
        yield Disk(path, purpose, *sizes, told.f_files, told.f_favail)
