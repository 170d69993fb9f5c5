"""Fork, become an account, and find and kill what descends from the leader.

The leader is the reaper of all its descendants (PR_SET_CHILD_SUBREAPER): a process whose parent ends becomes its
child, so the tree below it is the whole session, however often a daemon forks.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import pwd
import resource
import shutil
import signal
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from agents.linux.leader.quarters import Quarters

MARKER = "PORTCULLIS_SESSION"
"""Environment variable of every process of a session: what a sweep finds it by."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_LITTLE_BYTES = 64 << 10
_libc = ctypes.CDLL(None, use_errno=True)


class Confinement(NamedTuple):  # `dataclasses` would take 1.6 MB of each session
    """As whom a process runs, in which cgroups, under which resource limits (name -> value), with which folders of its
    own in place of the host's, and whether it is the parent of what its descendants leave behind."""

    account: pwd.struct_passwd
    groups: Sequence[str] = ()
    limits: Mapping[str, int] = MappingProxyType({})
    folder: str = "/"
    quarters: Quarters | None = None
    adopts: bool = False


def start(
    command: Sequence[str],
    environment: Mapping[str, str],
    confinement: Confinement,
    output: int,
    passed: int | None = None,
    entered: int | None = None,
) -> int:
    """Run `command`, its output to descriptor `output`, `passed` as its descriptor 3, `entered` as what it reads.
    Raises OSError."""
    with child() as forked:
        if forked.here:
            confine(confinement)
            arrange_descriptors(output, passed, entered)
            os.execvpe(command[0], list(command), dict(environment))  # noqa: S606
    return forked.pid


def can_run(command: str, path: str | None, confinement: Confinement) -> bool:
    """Whether the account finds `command` and may execute it. Raises OSError when the account cannot be used."""
    with child() as forked:
        if forked.here:
            confine(confinement)
            os._exit(0 if shutil.which(command, path=path) is not None else 1)
    return os.waitpid(forked.pid, 0)[1] == 0


def can_write(folder: str, confinement: Confinement) -> bool:
    """Whether the account has room for a little file in `folder`: only writing as itself tells, quotas included."""
    with child() as forked:
        if forked.here:
            confine(confinement)
            os._exit(0 if _has_room(folder) else 1)
    return os.waitpid(forked.pid, 0)[1] == 0


def _has_room(folder: str) -> bool:
    try:
        fd = os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        os.write(fd, bytes(_LITTLE_BYTES))
        os.fsync(fd)  # file systems that allocate late tell now
    except OSError as exc:
        return exc.errno not in (errno.ENOSPC, errno.EDQUOT)
    return True


def become_reaper() -> None:
    """And be the last to go when memory runs out: the leader alone can clean up."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    write("/proc/self/oom_score_adj", "-500")


def reap() -> Iterator[tuple[int, int]]:
    """(process id, exit status) of each child that has ended; a negative status is the signal's number."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def descendants(of: int | None = None, without: Collection[int] = ()) -> set[int]:
    """Living descendants of a process (this one), without those processes and what is below them."""
    children = _children()
    found: set[int] = set()
    waiting = list(children.get(os.getpid() if of is None else of, ()))
    while waiting:
        pid = waiting.pop()
        if pid not in without:
            found.add(pid)
            waiting.extend(children.get(pid, ()))
    return found


def members(groups: Iterable[str]) -> set[int]:
    """Every living process of the session but the leader itself."""
    found = descendants()
    for group in groups:
        with contextlib.suppress(OSError):
            found |= {int(line) for line in Path(group, "cgroup.procs").read_text().split()}
    return {pid for pid in found if pid != os.getpid() and is_alive(pid)}


def marked(sessions: Collection[str]) -> set[int]:
    marks = {f"{MARKER}={session}".encode() for session in sessions}
    found = set()
    for pid in _pids():
        with contextlib.suppress(OSError):
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            if not marks.isdisjoint(environment) and is_alive(pid):
                found.add(pid)
    return found


def leaders(script: str, folder: Path) -> set[int]:
    """Own processes that lead the session of `folder`: there is one at most, and it may have lost its socket."""
    command = [os.fsencode(script), os.fsencode(folder)]
    found = set()
    for pid in _pids():
        with contextlib.suppress(OSError):
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
            if arguments[-2:] == command and is_own(pid) and is_alive(pid):
                found.add(pid)
    return found


def kill(look: Callable[[], Collection[int]], number: int = signal.SIGKILL) -> None:
    """All that `look` finds, twice: between being found and being killed a process may end, and its number become
    another's. So each is held by a descriptor first and looked for again. Whoever must have all of them comes again:
    this takes as many as there are descriptors."""
    with contextlib.ExitStack() as held:
        processes = _held(look(), held)
        for pid in processes.keys() & set(look()):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(processes[pid], number)


def _held(pids: Iterable[int], held: contextlib.ExitStack) -> dict[int, int]:
    """Process id -> a descriptor that means this process for good."""
    found: dict[int, int] = {}
    for pid in pids:
        try:
            found[pid] = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        except OSError as exc:
            if exc.errno in (errno.EMFILE, errno.ENFILE):
                break
            raise
        held.callback(os.close, found[pid])
    return found


def kill_members(groups: Collection[str]) -> None:
    """Frozen first, where the kernel can: nothing forks away between being listed and being killed."""
    freezers = [path for group in groups if (path := Path(group, "freezer.state")).exists()]
    for path in freezers:
        write(path, "FROZEN")
    kill(lambda: members(groups))
    for path in freezers:
        write(path, "THAWED")


def is_own(pid: int) -> bool:
    """Whether the process has the account of this one. Raises OSError when it has ended."""
    return Path(f"/proc/{pid}").stat().st_uid == os.geteuid()


def of_account(uid: int) -> set[int]:
    found = set()
    for pid in _pids():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}").stat().st_uid == uid and is_alive(pid):
                found.add(pid)
    return found


def write(path: str | Path, text: str) -> None:
    """To a file of the kernel's; that it is absent or refuses is no reason to stop."""
    with contextlib.suppress(OSError):
        Path(path).write_text(text)


class _Child(NamedTuple):
    pid: int

    @property
    def here(self) -> bool:
        return self.pid == 0


@contextlib.contextmanager
def child() -> Iterator[_Child]:
    """Fork. An error of the child, up to where it runs something else, is raised in the parent as OSError."""
    error_read, low = os.pipe()
    error_write = high_copy(low)  # out of the way of the numbers that are given away
    os.close(low)
    forked = _Child(os.fork())
    if forked.here:
        try:
            yield forked
        except BaseException as exc:  # whatever it is: a child must not return
            os.write(error_write, f"{type(exc).__name__}: {exc}".encode()[:4096])
        finally:
            os._exit(127)
    os.close(error_write)
    yield forked
    with os.fdopen(error_read, "rb") as errors:
        if error := errors.read():
            raise OSError(error.decode(errors="replace"))


def confine(confinement: Confinement) -> None:
    """Become the account for good. The child dies with the leader, whatever kills that."""
    for group in confinement.groups:
        Path(group, "cgroup.procs").write_text("0")
    write("/proc/self/oom_score_adj", "0")
    if confinement.quarters is not None:
        confinement.quarters.enter()
    os.setsid()
    for name, value in {"core": 0, **confinement.limits}.items():
        _limit(getattr(resource, f"RLIMIT_{name.upper()}"), value)
    _become(confinement.account)
    os.umask(0o077)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    die_with_parent(signal.SIGKILL)
    if confinement.adopts:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    os.chdir(confinement.folder)


def die_with_parent(number: signal.Signals) -> None:
    """To be said again after a change of the account. Raises OSError."""
    _prctl(_PR_SET_PDEATHSIG, int(number))


def _prctl(option: int, argument: int) -> None:
    if _libc.prctl(option, argument, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _become(account: pwd.struct_passwd) -> None:
    """Raises PermissionError: nothing of a session runs as root, and whoever is not root stays who it is."""
    if account.pw_uid == 0:
        raise PermissionError("no program of a session runs as root")
    if os.geteuid() == 0:
        os.initgroups(account.pw_name, account.pw_gid)
        os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
        os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    elif account.pw_uid != os.geteuid():
        raise PermissionError(f"only root can run programs as {account.pw_name}")


def _limit(kind: int, value: int) -> None:
    """As far as this process may: in a container even root cannot raise what it was given."""
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def arrange_descriptors(output: int, passed: int | None, entered: int | None) -> None:
    """0 is `entered` or empty, 1 and 2 are the output, 3 is `passed`; all else closes at exec."""
    signal.set_wakeup_fd(-1)
    for name in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT):
        signal.signal(name, signal.SIG_DFL)
    # First copies with high numbers: each of these may have a number that is given away below.
    read = os.open(os.devnull, os.O_RDONLY) if entered is None else entered
    entered, output = high_copy(read), high_copy(output)
    passed = None if passed is None else high_copy(passed)
    for number, source in ((0, entered), (1, output), (2, output), (3, passed)):
        if source is not None:
            os.dup2(source, number)


def high_copy(fd: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)


def _children() -> dict[int, list[int]]:
    """Parent -> living children, of all processes of this machine."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        if (fields := _stat_fields(pid)) is not None and fields[0] not in "ZX":
            children.setdefault(int(fields[1]), []).append(pid)
    return children


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208  # names alone


def _stat_fields(pid: int) -> list[str] | None:
    """State, parent, ... of /proc/PID/stat: what follows the name, which may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def is_alive(pid: int) -> bool:
    """Not a zombie either."""
    fields = _stat_fields(pid)
    return fields is not None and fields[0] not in "ZX"
