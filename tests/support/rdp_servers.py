"""Real RDP servers on loopback: xrdp with a session of Xorg (TLS, no NLA), and freerdp-shadow (NLA alone).

xrdp looks for its settings in /etc/xrdp whatever it is told: it gets a mount namespace, where that is a folder of its
own. Its sessions run as an account that is made for them and goes with them.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from portcullis.certificate_files import CertificateFiles
from tests.support.certificates import PublicCa
from tests.support.patience import until_now
from tests.support.ports import free_port, free_ports

PATIENCE_SECONDS = 60
IN_ITS_PLACE = "mount --bind {folder} /etc/xrdp && {{ xrdp-sesman --nodaemon & }} && exec xrdp --nodaemon"


@dataclass(frozen=True)
class RdpServer:
    port: int
    user_name: str
    password: str
    certificate: Path
    """PEM; its name is localhost."""
    home: Path = Path("/")
    address: str = "127.0.0.1"

    @property
    def fingerprint(self) -> str:
        certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        return certificate.fingerprint(hashes.SHA256()).hex()


@contextlib.contextmanager
def xrdp(folder: Path, program: str, address: str = "127.0.0.1") -> Iterator[RdpServer]:
    """Whoever signs in finds `program` (a shell script) in place of a desktop."""
    name, password = f"rdp{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    (port, sesman_port), display = free_ports(2), 100 + secrets.randbelow(800)
    folder.mkdir(mode=0o755, parents=True)
    files = _certificate(folder)
    settings = shutil.copytree("/etc/xrdp", folder / "xrdp", symlinks=True)
    script = settings / "startwm.sh"
    script.write_text(f"#!/bin/sh\n{program}\n")
    script.chmod(0o755)
    _set(
        settings / "xrdp.ini",
        port=f"tcp://{address}:{port}",
        certificate=files.certificate,
        key_file=files.key,
    )
    _set(settings / "xrdp.ini", security_layer="tls", LogFile=folder / "xrdp.log", EnableSyslog="false")
    _set(settings / "sesman.ini", ListenPort=sesman_port, X11DisplayOffset=display, EnableSyslog="false")
    _set(settings / "sesman.ini", LogFile=folder / "sesman.log", DefaultWindowManager=script)
    Path("/run/xrdp/sockdir").mkdir(parents=True, exist_ok=True)
    Path("/run/xrdp/sockdir").chmod(0o3777)
    _passable(folder)
    home = folder / "home"
    subprocess.run(["useradd", "-m", "-d", home, "-s", "/bin/sh", name], check=True, capture_output=True)
    try:
        subprocess.run(["chpasswd"], input=f"{name}:{password}", text=True, check=True)
        command = ["unshare", "-m", "sh", "-c", IN_ITS_PLACE.format(folder=settings)]
        with _listening(command, port, folder / "output"):
            yield RdpServer(port, name, password, files.certificate, home, address)
    finally:
        _end_all_of(name)
        subprocess.run(["userdel", "-f", "-r", name], check=False, capture_output=True)


@contextlib.contextmanager
def shadow(folder: Path, display: str) -> Iterator[RdpServer]:
    """What `display` shows, to whom NLA lets in."""
    name, password, port = "shadow", secrets.token_urlsafe(12), free_port()
    folder.mkdir(parents=True)
    sam = subprocess.run(
        ["winpr-hash", "-u", name, "-p", password, "-f", "sam"], check=True, capture_output=True, text=True
    )
    (folder / "sam").write_text(sam.stdout)
    command = [
        "freerdp-shadow-cli",
        *(f"/port:{port}", "/bind-address:127.0.0.1", "/sec:nla", f"/sam-file:{folder / 'sam'}", "+auth"),
    ]
    with _listening(command, port, folder / "output", HOME=str(folder), DISPLAY=display):
        yield RdpServer(port, name, password, folder / ".config/freerdp/shadow/shadow.crt")


@contextlib.contextmanager
def address_of_its_own() -> Iterator[str]:
    """One that hosts connect to, though it leads nowhere out of this machine (RFC 5737)."""
    address = f"192.0.2.{1 + secrets.randbelow(254)}"
    subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True, capture_output=True)
    try:
        yield address
    finally:
        subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], check=False)


@contextlib.contextmanager
def screen() -> Iterator[str]:
    """An X display that nothing is shown on.

    Without `-noreset` it would begin anew whenever its last client goes, and drop who comes in that moment: FreeRDP's
    programs connect to look, leave, and come back at once.
    """
    read_end, write_end = os.pipe()
    options = ("-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset")
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write_end), *options], pass_fds=[write_end], stderr=subprocess.DEVNULL
    )
    os.close(write_end)
    try:
        with os.fdopen(read_end) as numbers:
            number = numbers.readline().strip()
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        server.kill()
        server.wait()


def _set(path: Path, **values: object) -> None:
    text = path.read_text()
    for name, value in values.items():
        text = re.sub(rf"^#?{name}=.*$", f"{name}={value}", text, count=1, flags=re.MULTILINE)
    path.write_text(text)


def _certificate(folder: Path) -> CertificateFiles:
    """For localhost, of an authority whose certificate lies beside it."""
    authority = PublicCa()
    (folder / "authority.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    return authority.issue("localhost").write(folder)


def _passable(folder: Path) -> None:
    """The account of a session passes through what leads to its home."""
    for each in (folder, *folder.parents):
        if each.stat().st_uid == os.geteuid():
            each.chmod(each.stat().st_mode | 0o011)


@contextlib.contextmanager
def _listening(command: list[str], port: int, output: Path, **environment: str) -> Iterator[None]:
    """A server while it listens there."""
    with output.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env={**os.environ, **environment}
        )
    try:
        until_now(lambda: _listens(process, port, output), PATIENCE_SECONDS)
        yield
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            for each in (*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
        process.wait()


def _listens(process: subprocess.Popen[bytes], port: int, output: Path) -> bool:
    """Itself: somebody else may have taken the port. One that has ended will not, and says why."""
    assert process.poll() is None, f"it ended: {output.read_text()}"
    own = psutil.Process(process.pid).net_connections("tcp")
    return any(each.laddr.port == port and each.status == psutil.CONN_LISTEN for each in own)


def _end_all_of(account: str) -> None:
    for process in psutil.process_iter(["username"]):
        if process.info["username"] == account:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
