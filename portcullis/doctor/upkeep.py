"""Checks: will it go on working? Files, certificates, disks, packages."""

from __future__ import annotations

from collections.abc import Iterable

from portcullis.doctor.finding import Finding, notice, ok, problem, unseen, warning
from portcullis.doctor.machine import Disk, Machine
from portcullis.quickstart.system_packages import INSTALL

MEGABYTE = 1 << 20
DAY = 86400.0
LOW_BYTES, LAST_BYTES = 1024 * MEGABYTE, 200 * MEGABYTE
"""Of the state: a transaction needs little, but a user's home shares the disk."""
FRAMEBUFFER_BYTES = 34 * MEGABYTE
"""Of one session: 3840 x 2160 pixels of four bytes, with what Xvfb puts before them."""
LOW_SESSIONS = 4
LOW_INODES = 0.02
WEB_DAYS = 14


def file_modes(machine: Machine) -> Iterable[Finding]:
    open_files = [file for file in machine.files if file.mode & 0o077]
    for file in open_files:
        safe = file.mode & 0o700
        yield problem(
            "file_modes",
            f"others may read {file.path} (mode {file.mode:04o})",
            f"chmod {safe:04o} {file.path}; if others were there to read it, replace what it holds.",
        )
    for path in machine.unread:
        yield unseen("file_modes", f"{path} could not be looked at", "Run `portcullis doctor` as root.")
    if machine.files and not open_files:
        yield ok("file_modes", f"{len(machine.files)} private files and folders are private")


def certificates(machine: Machine, now: float) -> Iterable[Finding]:
    wrong = False
    for certificate in machine.certificates:
        left = certificate.ends - now
        life = certificate.ends - certificate.begins
        late = left < life / 4 if certificate.renewed_by_itself else left < WEB_DAYS * DAY
        if certificate.begins > now:
            what = f"{certificate.path} is not valid yet: the clock is behind"
            yield problem("certificates", what, "Set the clock of this machine.")
        elif left <= 0:
            yield problem(
                "certificates", f"{certificate.path} has expired", _renewal(certificate.renewed_by_itself)
            )
        elif late:
            what = f"{certificate.path} expires in {_span(left)}"
            yield warning("certificates", what, _renewal(certificate.renewed_by_itself))
        wrong = wrong or late or certificate.begins > now
    if machine.certificates and not wrong:
        first = min(machine.certificates, key=lambda each: each.ends)
        count = len(machine.certificates)
        yield ok(
            "certificates",
            f"{count} certificates are valid, the first until {_span(first.ends - now)} from now",
        )


def _renewal(by_itself: bool) -> str:
    if by_itself:
        return "It is renewed at half its life while a broker answers: look at the part's log for why it was not."
    return "Get a new one and hand it to deploy/quickstart.sh with --cert and --key."


def _span(seconds: float) -> str:
    return f"{seconds / DAY:.0f} days" if seconds >= 3 * DAY else f"{seconds / 3600:.1f} hours"


def disks(machine: Machine) -> Iterable[Finding]:
    found = [finding for disk in machine.disks for finding in (*_space(disk), *_inodes(disk))]
    yield from found
    if machine.disks and not found:
        yield ok(
            "disks",
            " and ".join(f"{disk.path} has {disk.free_bytes // MEGABYTE} MB" for disk in machine.disks),
        )


def _space(disk: Disk) -> Iterable[Finding]:
    free = f"{disk.path} ({disk.purpose}) has {disk.free_bytes // MEGABYTE} MB left"
    if disk.purpose == "framebuffers":
        last, low = FRAMEBUFFER_BYTES, LOW_SESSIONS * FRAMEBUFFER_BYTES
        remedy = "End sessions, or make that file system larger: each session needs 34 MB there."
    else:
        last, low, remedy = LAST_BYTES, LOW_BYTES, "Make room: sign-in and launches stop when it is full."
    if disk.free_bytes < last:
        yield problem("disks", free, remedy)
    elif disk.free_bytes < low:
        yield warning("disks", free, remedy)


def _inodes(disk: Disk) -> Iterable[Finding]:
    if disk.total_inodes and disk.free_inodes < disk.total_inodes * LOW_INODES:
        what = f"{disk.path} ({disk.purpose}) has {disk.free_inodes} of {disk.total_inodes} inodes left"
        yield warning("disks", what, "Remove small files: no new one can be made when there are none.")


def packages(machine: Machine) -> Iterable[Finding]:
    if not machine.runs_sessions:
        return
    for package in machine.missing_packages:
        what = f"the system package {package} is missing: sessions may not start"
        yield problem("packages", what, f"{INSTALL} {package}")
    if not machine.missing_packages:
        yield ok("packages", "every system package that sessions need is there")
    for package in machine.missing_video:
        what = f"{package} is missing: films are sent as exact pictures, fewer of them and at many times the bytes"
        yield notice("packages", what, f"{INSTALL} {package.split()[0]}")
