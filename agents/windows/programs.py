"""A published application's command as Windows runs it: which file, with which line, in which environment. Pure: who
asks says which files are there.

Windows hands a program one line, which it divides by its own rules: those of Microsoft's C library
(`subprocess.list2cmdline`). Batch files are read by cmd.exe, which takes some characters for orders wherever they
stand; arguments that hold one are refused.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath

BATCH = frozenset({".bat", ".cmd"})
EXTENSIONS = (".com", ".exe", ".bat", ".cmd")
"""What is tried after a name without one, in this order."""
_VARIABLE = re.compile(r"%([^%=]+)%")
_NAME = re.compile(r"[^=\0]+")
_ORDERS_OF_CMD = frozenset('"%!&|<>^\r\n')
_SYSTEM_ROOT = "C:\\Windows"


@dataclass(frozen=True, slots=True)
class Program:
    file: str
    line: str


def program(
    command: Sequence[str],
    environment: Mapping[str, str],
    is_file: Callable[[str], bool],
    registered: Callable[[str], str | None] = lambda name: None,
) -> Program:
    """`registered`: where an installer said that a program of this name is (App Paths). Raises FileNotFoundError,
    ValueError."""
    if not command:
        raise FileNotFoundError("the application has no command")
    if any("\0" in word for word in command):
        raise ValueError("an argument holds a zero byte")
    name = expanded(command[0], environment)
    found = next(filter(is_file, candidates(name, environment)), None) or registered(name)
    if found is None:
        raise FileNotFoundError(f"{name}: not found")
    arguments = [found, *command[1:]]
    if PureWindowsPath(found).suffix.lower() not in BATCH:
        return Program(found, subprocess.list2cmdline(arguments))
    if any(_ORDERS_OF_CMD & set(word) for word in arguments):
        raise ValueError('arguments of a batch file may hold none of " % ! & | < > ^')
    shell = variable(environment, "SystemRoot", _SYSTEM_ROOT) + "\\System32\\cmd.exe"
    quoted = " ".join(f'"{word}"' for word in arguments)
    return Program(shell, f'"{shell}" /d /v:off /s /c "{quoted}"')


def candidates(name: str, environment: Mapping[str, str]) -> list[str]:
    """Files that a name may mean: a path means itself; a bare name is looked for as Windows would, but never in the
    folder that happens to be the working one."""
    names = [name] if PureWindowsPath(name).suffix else [name + extension for extension in EXTENSIONS]
    if PureWindowsPath(name).drive or "\\" in name or "/" in name:
        return names if PureWindowsPath(name).is_absolute() else []
    root = variable(environment, "SystemRoot", _SYSTEM_ROOT)
    folders = [f"{root}\\System32", root, *variable(environment, "PATH", "").split(";")]
    absolute = [folder.strip('"') for folder in folders if PureWindowsPath(folder.strip('"')).is_absolute()]
    return [str(PureWindowsPath(folder) / each) for folder in absolute for each in names]


def expanded(text: str, environment: Mapping[str, str]) -> str:
    """`%NAME%` stands for what the user's environment has; one that it lacks stays as it is."""
    return _VARIABLE.sub(lambda match: variable(environment, match[1], match[0]), text)


def variable(environment: Mapping[str, str], name: str, otherwise: str) -> str:
    """Windows knows no case in them."""
    return next((value for each, value in environment.items() if each.lower() == name.lower()), otherwise)


def with_application(base: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The user's environment and the application's own variables, each in place of one of its name in any case."""
    allowed = {name: value for name, value in own.items() if _NAME.fullmatch(name) and "\0" not in value}
    replaced = {name.lower() for name in allowed}
    return {**{name: value for name, value in base.items() if name.lower() not in replaced}, **allowed}


def is_shell(command: Sequence[str], found: Program, environment: Mapping[str, str]) -> bool:
    """Whether this is Windows' shell and nothing more: the desktop of who is signed in."""
    root = PureWindowsPath(variable(environment, "SystemRoot", _SYSTEM_ROOT))
    shells = (root / "explorer.exe", root / "System32" / "explorer.exe")  # the latter is Wine's
    return len(command) == 1 and PureWindowsPath(found.file) in shells


def may_be_the_users(name: str) -> bool:
    """Whether another account may find what this one does not: a bare name, or a path that depends on who asks."""
    path = PureWindowsPath(name)
    return "%" in name or not (path.drive or path.root) or path.parts[1:2] == ("Users",)
