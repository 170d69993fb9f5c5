"""The products that are measured: how each is started, opened in a page, and where its display is.

Both show the same applications (tests/bench/apps), started here on their display, in a view of the same size, 1:1. Both
are used as their makers deliver them. What a product started is ended by its own means, or by its process id.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from playwright.sync_api import Page, expect

from tests.bench.people import User, add_users
from tests.e2e.conftest import copy_of_the_tree, free_port

APPS = Path(__file__).parent / "apps"
NOVNC = Path("/usr/share/novnc")
CLONE_VARIABLE = "PORTCULLIS_BENCH_CLONE"
RUNTIME = Path("/run")


@dataclass
class Product:
    """`name` as it is called in tables. `port` is the one that the browser talks to; `roots` what serves it."""

    name: str
    url: str
    port: int
    display: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    open: Callable[[Page], None] = lambda page: None
    roots: Callable[[], list[int]] = list
    versions: str = ""

    @contextlib.contextmanager
    def application(self, name: str, width: int, height: int, *options: str) -> Iterator[Application]:
        """One of tests/bench/apps on the product's display, over all of it."""
        command = [
            sys.executable,
            str(APPS / f"{name}.py"),
            "--width",
            str(width),
            "--height",
            str(height),
            *options,
        ]
        environment = {
            **os.environ,
            **self.environment,
            "DISPLAY": self.display,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        application = Application(process)
        try:
            application.until("ready")
            yield application
        finally:
            process.terminate()
            process.wait(10)


@dataclass
class Application:
    process: subprocess.Popen[str]

    def until(self, event: str) -> dict[str, object]:
        """Read its lines up to this event. Raises RuntimeError when it ended before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said: dict[str, object] = json.loads(line)
            if said["event"] == event:
                return said
        raise RuntimeError(f"the application ended before {event!r}")


# --- TigerVNC, with noVNC's core library in a bare page

_NOVNC_PAGE = """<!doctype html><meta charset=utf-8>
<style>html,body{{margin:0;height:100%;overflow:hidden}}#screen{{width:100%;height:100%}}</style>
<div id=screen></div><script type=module>import RFB from './core/rfb.js';
const rfb = new RFB(document.getElementById('screen'), '{scheme}://localhost:{port}/websockify');
rfb.focusOnClick = true; rfb.addEventListener('connect', () => rfb.focus());</script>"""


@contextlib.contextmanager
def tigervnc(width: int, height: int, *, tls: tuple[Path, Path] | None = None) -> Iterator[Product]:
    """Xvnc, websockify and noVNC of Debian, at 60 frames/s and else their defaults. `tls`: certificate and key."""
    port, rfb, number = free_port(), free_port(), free_display()
    scheme = "http" if tls is None else "https"
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-novnc-")))
        page = _NOVNC_PAGE.format(port=port, scheme="ws" if tls is None else "wss")
        (folder / "index.html").write_text(page)
        for part in ("core", "vendor"):
            (folder / part).symlink_to(NOVNC / part)
        server = [
            *(
                "Xtigervnc",
                f":{number}",
                "-geometry",
                f"{width}x{height}",
                "-depth",
                "24",
                "-rfbport",
                str(rfb),
            ),
            *(
                "-localhost",
                "-SecurityTypes",
                "None",
                "-ac",
                "-AlwaysShared",
                "-nolisten",
                "tcp",
                "-FrameRate",
                "60",
            ),
        ]
        options = [] if tls is None else ["--cert", str(tls[0]), "--key", str(tls[1]), "--ssl-only"]
        bridge = ["websockify", "--web", str(folder), *options, f"127.0.0.1:{port}", f"127.0.0.1:{rfb}"]
        processes = [stack.enter_context(running(command, folder)) for command in (server, bridge)]
        for listening in (rfb, port):
            wait_for_port(listening)

        def open_page(page: Page) -> None:
            page.goto(f"{scheme}://localhost:{port}/index.html")

        packages = ("tigervnc-standalone-server", "websockify", "novnc")
        yield Product(
            name="TigerVNC + noVNC",
            url=f"{scheme}://localhost:{port}/",
            port=port,
            display=f":{number}",
            open=open_page,
            roots=lambda: [process.pid for process in processes],
            versions=", ".join(f"{package} {debian_version(package)}" for package in packages),
        )


@contextlib.contextmanager
def running(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait(15)
        for child in children:  # websockify forks for each connection
            with contextlib.suppress(psutil.NoSuchProcess):
                child.terminate()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key (P-256, as the web CA's)."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    subprocess.run([*command, *names, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key


# --- Portcullis: the quickstart of this tree


@dataclass
class Installation:
    """A running quickstart, and its command."""

    clone: Path
    facts: dict[str, str]

    @property
    def url(self) -> str:
        return self.facts["url"]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2].rstrip("/"))

    def cli(self, *arguments: str, stdin: str = "") -> str:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PORTCULLIS_")
        }
        command = [str(self.clone / ".venv/bin/portcullis"), *arguments]
        done = subprocess.run(
            command, env=environment, input=stdin, capture_output=True, text=True, check=True
        )
        return done.stdout

    def publish(self, name: str, group: str, command: list[str]) -> None:
        document = {
            "kind": "application",
            "name": name,
            "command": command,
            "icon": "none",
            "entitled": {"groups": [group]},
        }
        self.cli("apply", "-f", "-", stdin=json.dumps(document))

    def processes(self) -> list[int]:
        """Broker, gateway and agent, from what `--status` says."""
        status = subprocess.run(
            ["deploy/quickstart.sh", "--status"], cwd=self.clone, capture_output=True, text=True, check=True
        ).stdout
        words = [line.split() for line in status.splitlines()]
        return [int(word[1]) for word in words if len(word) > 1 and word[0] in ("broker", "gateway", "agent")]


@contextlib.contextmanager
def installation(*, https: bool = False) -> Iterator[Installation]:
    """The quickstart of a fresh copy of this tree, removed afterwards.

    Plain http on loopback, or one that runs: $PORTCULLIS_BENCH_CLONE. `https`: as other machines see it, always of its
    own, with a certificate of the site's web CA.
    """
    given = os.environ.get(CLONE_VARIABLE)
    if given and not https:
        clone = Path(given)
        yield Installation(clone, json.loads((clone / "var/quickstart.json").read_text()))
        return
    folder = Path(tempfile.mkdtemp(prefix="bench-portcullis-"))
    folder.chmod(0o755)
    clone = copy_of_the_tree(folder)
    quickstart = ["deploy/quickstart.sh", "--no-install"]
    listen = ["--listen", "127.0.0.1", "--name", "localhost"] if https else []
    try:
        done = subprocess.run(
            [*quickstart, "--port", str(free_port()), *listen], cwd=clone, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        yield Installation(clone, json.loads((clone / "var/quickstart.json").read_text()))
    finally:
        subprocess.run([*quickstart, "--reset", "--yes"], cwd=clone, capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


APPLICATION = "Bench"
GROUP = "bench"


@contextlib.contextmanager
def portcullis(site: Installation, page: Page) -> Iterator[Product]:
    """One session of a new user, launched and left in `page`; `open` returns to it in another one."""
    # The measured application is started here, as on every other product: the session needs one that stays.
    site.publish(APPLICATION, GROUP, ["xterm", "-e", "sleep", "36000"])
    (user,) = add_users(site.clone, site.url, GROUP)
    sign_in(page, site.url, user)
    page.get_by_role("button", name=APPLICATION, exact=True).click()
    page.wait_for_url("**/#/session/*")
    expect(page.locator("canvas").first).to_be_visible(timeout=30_000)
    session = page.url.rpartition("/")[2]
    folder = runtime_folder(session)

    def return_to_it(page: Page) -> None:
        sign_in(page, site.url, user)
        page.get_by_role("button", name=f"Return to {APPLICATION}").click()
        expect(page.locator("canvas").first).to_be_visible(timeout=30_000)

    try:
        yield Product(
            name="Portcullis",
            url=site.url,
            port=site.port,
            display=json.loads((folder / "session.json").read_text())["display"],
            environment={"XAUTHORITY": str(folder / "worker/xauthority")},
            open=return_to_it,
            roots=lambda: [*site.processes(), *leaders(session)],
            versions=f"Portcullis, xvfb {debian_version('xvfb')}",
        )
    finally:
        site.cli("session", "logoff", session)


def sign_in(page: Page, url: str, user: User) -> None:
    page.goto(url)
    page.get_by_label("User name").fill(user.name)
    page.get_by_label("Password").fill(user.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Verification code").fill(user.code())
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Search applications")).to_be_visible()


def runtime_folder(session: str) -> Path:
    """The leader's, once it names the display."""

    def said() -> list[Path]:
        files = RUNTIME.glob(f"portcullis-*/sessions/{session}/session.json")
        return [file.parent for file in files if json.loads(file.read_text()).get("display")]

    wait_for(lambda: bool(said()))
    return said()[0]


def leaders(session: str) -> list[int]:
    """The leader of a session: its tree is all that the session runs."""
    facts = json.loads((runtime_folder(session) / "session.json").read_text())
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        # It may have been prepared ahead, in a folder of another name.
        if (process.info["cmdline"] or [""])[-1] == facts["begun_in"]:
            found.append(process.info["pid"])
    return found


# --- The machine


def free_display() -> int:
    return next(number for number in range(70, 200) if not Path(f"/tmp/.X11-unix/X{number}").exists())


def wait_for_port(port: int) -> None:
    def listens() -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        return False

    wait_for(listens)


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.05)


def debian_version(package: str) -> str:
    command = ["dpkg-query", "--show", "--showformat", "${Version}", package]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
