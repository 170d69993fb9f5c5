"""A given certificate reaches the gateway, whose account may read neither the files nor their folder.

Key and chain are copied into one file of the gateway's own, by root, at the start and whenever the files change: the
supervisor looks. A pair that is not fit is not copied, so that what works goes on.
"""

from __future__ import annotations

import logging
import os
import pwd
from pathlib import Path

from portcullis.certificate_files import CertificatePair
from portcullis.quickstart import network
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.instance import Instance

log = logging.getLogger(__name__)


def copy(found: Instance, account: pwd.struct_passwd) -> CertificatePair | None:
    """None when the web CA issues. Raises QuickstartError."""
    pair = None if found.network is None else network.check_certificate(found.network)
    if pair is not None:
        folder = found.given_certificate.parent
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chown(folder, account.pw_uid, account.pw_gid)
        partial = found.given_certificate.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pair.pem)
            os.fchown(file.fileno(), account.pw_uid, account.pw_gid)
        partial.replace(found.given_certificate)
    return pair


class Watch:
    """A chore of the supervisor."""

    def __init__(self, found: Instance) -> None:
        self._found = found
        self._seen = self._signature()

    def __call__(self) -> None:
        signature = self._signature()
        if signature == self._seen:
            return
        self._seen = signature
        try:
            copy(self._found, _owner_of(self._found.given_certificate.parent))
        except (QuickstartError, OSError, KeyError) as exc:
            log.error("the changed certificate is not used, the one before stays: %s", exc)
        else:
            log.info("the certificate changed and is handed to the gateway")

    def _signature(self) -> tuple[object, ...]:
        files = self._found.network.files if self._found.network else None
        return () if files is None else (_stamp(files.certificate), _stamp(files.key))


def _stamp(path: Path) -> object:
    try:
        status = path.stat()
    except OSError as exc:
        return exc.errno
    return status.st_mtime_ns, status.st_size, status.st_ino


def _owner_of(folder: Path) -> pwd.struct_passwd:
    return pwd.getpwuid(folder.stat().st_uid)
