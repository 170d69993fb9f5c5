"""What a session runs that is a Windows program: the runner as its application, with the template's folder."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from agents.linux.environment import BASE_DPI, scale
from agents.linux.wine.exit_codes import EXIT_CODES
from agents.linux.wine.templates import Template, Templates
from portcullis.errors import Refused
from portcullis.model.wine import WineProgram
from portcullis.protocol.orders import Order

RUNNER = (sys.executable, "-I", "-m", "agents.linux.wine.runner")
COPIES = PurePath(".local/share/portcullis/wine")
"""In a user's home: one copy a template and application, since one session at a time may use a copy."""
_NOT_IN_PROFILE = re.compile(r"[^a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class WineRun:
    """A program of a template that is there."""

    program: WineProgram
    template: Template
    grace_seconds: float


@dataclass(frozen=True, slots=True)
class WineHost:
    """What this host has for Windows programs. `grace_seconds`: how long they may take to end at log off."""

    templates: Templates
    grace_seconds: float = 3.0

    def run_of(self, program: WineProgram) -> WineRun:
        """Raises Refused."""
        template = self.templates.find(program.template)
        if template is None:
            raise Refused("wine_template_missing", f"This host has no template {program.template}.")
        return WineRun(program, template, self.grace_seconds)


def application(order: Order, run: WineRun, base: Mapping[str, str], home: Path) -> dict[str, Any]:
    """The `application` of a launch."""
    program, template = run.program, run.template
    said = {
        "folder": str(copy_folder(home, program, order.application_id)),
        "template": template.name,
        "version": template.version,
        "template_user": template.user,
        "user": profile_name(order.user_name),
        "program": program.path,
        "grace_seconds": run.grace_seconds,
        "dots_per_inch": round(BASE_DPI * scale(order.display.device_pixel_ratio).ratio),
    }
    return {
        "command": [*RUNNER, json.dumps(said), *program.arguments],
        "environment": dict(base),
        "folder": str(template.folder),
        "ends_its_own": True,
        "exit_codes": {str(status): code for status, code in EXIT_CODES.items()},
    }


def copy_folder(home: Path, program: WineProgram, application_id: str) -> Path:
    return home / COPIES / program.template / application_id


def profile_name(user_name: str) -> str:
    """What programs see as the user's name, in what a folder below C:\\users may be called."""
    plain = unicodedata.normalize("NFKD", user_name).encode("ascii", "ignore").decode().lower()
    name = _NOT_IN_PROFILE.sub("", plain)[:20]
    return "user" if name in ("", "public", "con", "nul", "prn", "aux") else name
