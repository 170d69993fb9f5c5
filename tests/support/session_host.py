"""A host for sessions: accounts of its own, a runtime folder that accounts can traverse, real X."""

import contextlib
import functools
import glob
import secrets
import sys
import time
from pathlib import Path

import psutil
from cryptography.hazmat.primitives.serialization import Encoding

from agents.linux import groups
from agents.linux.accounts import Accounts
from agents.linux.launcher import LinuxLauncher, this_machine
from broker.pki import certificates
from portcullis.model.session import Display
from portcullis.protocol.orders import Order
from portcullis.protocol.worker_channel import Start, Status, WorkerState
from tests.support.patience import until
from tests.support.told import until_told

TINY_WORKER = (sys.executable, "-I", str(Path(__file__).parent / "tiny_worker.py"))
PATIENCE_SECONDS = 60


@functools.cache
def site_ca():
    """A certificate that a worker can load; nothing is dialled in these tests."""
    return (
        certificates.make_ca(certificates.new_key(), "c" * 16, time.time())
        .public_bytes(Encoding.PEM)
        .decode()
    )


class Host:
    """What tests need of one host; `order` builds orders that differ in what the test is about."""

    def __init__(self, root: Path, prefix: str) -> None:
        self.runtime = root / "run"
        self.homes = root / "homes"
        self.prefix = prefix
        self.accounts = Accounts(prefix, self.homes)
        self.tenant = secrets.token_hex(8)
        self.user_id = secrets.token_hex(8)

    def launcher(self, worker=TINY_WORKER, backend=None, limits=None, forking=None):
        backend = backend or groups.detect()
        limits = limits or groups.Limits(4096, 2048)
        machine = this_machine()
        return LinuxLauncher(self.runtime, self.accounts, backend, limits, machine, worker, forking)

    def order(
        self, *command, state="pending", session=None, slot=0, environment=None, display=None, user_name="Ada"
    ):
        return Order(
            session=session or secrets.token_hex(8),
            tenant=self.tenant,
            user_id=self.user_id,
            user_name=user_name,
            slot=slot,
            state=state,
            application_id="a" * 16,
            application_name="Application",
            command=command or ("xterm",),
            environment=environment or {},
            display=display or Display(width=1024, height=768),
        )

    def start(self, order):
        names = ("width", "height", "layout", "locale", "device_pixel_ratio")
        view = {name: getattr(order.display, name) for name in names}
        return Start(order.session, order.tenant, "b" * 16, "c" * 16, ca=site_ca(), grant_keys={}, **view)

    def folder(self, order):
        return self.runtime / "sessions" / order.session

    def warm_folders(self):
        """Of sessions that are prepared ahead."""
        return sorted((self.runtime / "warm").glob("*"))

    def traces(self, order):
        """What is left of a session anywhere on this machine."""
        return [
            *marked(order.session),
            *(path for path in [self.folder(order)] if path.exists()),
            *Path("/dev/shm").glob(f"portcullis-{order.session}*"),
            # not Path.glob: it stumbles over a group of somebody else's that goes while it looks
            *glob.glob(f"/sys/fs/cgroup/*/portcullis-{order.session}"),  # noqa: PTH207
            *glob.glob(f"/sys/fs/cgroup/*/*/*/portcullis-{order.session}"),  # noqa: PTH207
        ]


MARKER = "PORTCULLIS_SESSION"


def processes():
    """All living processes with their `info` (others come and go meanwhile)."""
    found = []
    for pid in psutil.pids():
        # psutil.process_iter shares its processes, and their info, with whoever else iterates in this process.
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            process.info = process.as_dict(["pid", "name", "cmdline", "username", "uids", "gids", "status"])
            if process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def variables(process):
    try:
        return process.environ()
    except psutil.Error:
        return {}


def marked(session):
    """Ids of the processes of a session, by what only they have in their environment."""
    return {process.pid for process in processes() if variables(process).get(MARKER) == session}


async def until_window(link):
    """The status and the state once a window is mapped."""
    seen = {}

    def note(message):
        seen[type(message)] = message
        return isinstance(message, WorkerState) and message.windows > 0

    await until_told(link, note)
    return seen[Status], seen[WorkerState]


async def gone(process):
    """Until a process that is no child of ours has ended."""
    await until(lambda: not is_alive(process), PATIENCE_SECONDS)


def is_alive(process):
    """It may end while it is looked at."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
