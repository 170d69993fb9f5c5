"""Checks: can what is published be started here?"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence

from portcullis.doctor.finding import Finding, notice, ok, problem
from portcullis.doctor.site import Site
from portcullis.model.rdp import RDP_CLIENT
from portcullis.model.wine import WINE_LOADER

MANY = 5


def commands(site: Site, is_program: Callable[[str], bool]) -> Iterable[Finding]:
    """On a machine that runs sessions. Other hosts of the site are not looked at from here."""
    # A desktop that is there already is started by nobody.
    applications = [each for each in site.items("applications") if not each.get("desktop")]
    missing = []
    for application in applications:
        words = _words(application)
        if not application.get("disabled") and not is_program(str(words[0])):
            missing.append(application)
            name = str(application.get("name"))
            what = f"the application {name!r}: its command {words[0]!r} does not exist on this host"
            delete = f"`portcullis delete application {shlex.quote(name)}`"
            yield problem("commands", what, f"Install it here, correct its file and apply it, or {delete}.")
    if applications and not missing:
        yield ok("commands", f"the commands of {len(applications)} applications exist on this host")


def _words(application: Mapping[str, object]) -> Sequence[object]:
    """What a host starts for it."""
    if application.get("rdp"):
        return [RDP_CLIENT]
    command = [WINE_LOADER] if application.get("wine") else application.get("command")
    return command if isinstance(command, list) and command else [""]


def icons(site: Site) -> Iterable[Finding]:
    bare = [
        str(application.get("name"))
        for application in site.items("applications")
        if not application.get("icon")
    ]
    if bare:
        shown = ", ".join(bare[:MANY]) + (f" and {len(bare) - MANY} more" if len(bare) > MANY else "")
        remedy = (
            "Optional: name an `icon` in their files (a name of this machine's icons, or a PNG or SVG file)."
        )
        yield notice("icons", f"applications without an icon: {shown}", remedy)


def applications(site: Site) -> Iterable[Finding]:
    if "applications" in site.lists and not site.items("applications"):
        yield notice("applications", "nothing is published", "`portcullis apply -f app.yaml` publishes.")
