"""A Windows program on a Linux host, as an application: which one, of which template (docs/wine.md). Pure.

A template is a Windows installation without Windows: made once on a host, by its administrator. Each user gets a copy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WINE_LOADER = "wine"
"""What a host runs the program with: Debian's wine, with wine64."""
MAXIMUM_PATH_LENGTH = 260
"""What Windows takes as a path."""
TEMPLATE_RULE = "the name of a template: at most 32 small letters, digits and hyphens"
PROGRAM_RULE = "a program of drive C:, such as C:\\App\\app.exe or App\\app.exe, without .. in it"
TEMPLATE_FORMAT = "portcullis-wine-template"
PROGRAM_FORMAT = "portcullis-wine-program"
MAXIMUM_TEMPLATE_LENGTH = 32
TEMPLATE_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"
_FIT = r'[^\\/:*?"<>|\u0000-\u001f\u007f-\u009f\u2028\u2029'
_PART = rf"{_FIT}]*{_FIT} .]"
PROGRAM_PATTERN = rf"^([Cc]:[\\/])?({_PART}[\\/])*{_PART}\.[Ee][Xx][Ee]$"
"""No part ends in a dot or a blank: Windows drops those, so that they would name something else."""
_TEMPLATE = re.compile(TEMPLATE_PATTERN, re.ASCII)
_PROGRAM = re.compile(PROGRAM_PATTERN)


@dataclass(frozen=True, slots=True)
class WineProgram:
    template: str
    program: str
    """On drive C: of the template, with or without `C:\\` before it."""
    arguments: tuple[str, ...] = ()

    @property
    def path(self) -> tuple[str, ...]:
        """Its parts below drive C:."""
        return path_below_c(self.program)

    @property
    def windows_path(self) -> str:
        return "C:\\" + "\\".join(self.path)

    def to_json(self) -> dict[str, Any]:
        return {"template": self.template, "program": self.program, "arguments": list(self.arguments)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> WineProgram:
        return cls(data["template"], data["program"], tuple(data.get("arguments", ())))


def path_below_c(program: str) -> tuple[str, ...]:
    parts = program.replace("/", "\\").split("\\")
    return tuple(parts[1:] if parts[0].lower() == "c:" else parts)


def is_fit_template(text: str) -> bool:
    return bool(_TEMPLATE.fullmatch(text))


def is_fit_program(text: str) -> bool:
    return len(text) <= MAXIMUM_PATH_LENGTH and bool(_PROGRAM.fullmatch(text)) and _is_whole(text)


def is_fit_argument(text: str, longest: int) -> bool:
    return len(text) <= longest and "\0" not in text and _is_whole(text)


def _is_whole(text: str) -> bool:
    """No halves of characters: there is no file and no argument of such a name."""
    return not any("\ud800" <= each <= "\udfff" for each in text)
