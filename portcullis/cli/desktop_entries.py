"""The applications that this machine shows in its menus, from the desktop entries of the XDG data folders.

Entries follow the Desktop Entry Specification 1.5: an earlier folder hides a later one's entry of the same id; an
entry counts if it is a visible application of every desktop whose program exists.
"""

from __future__ import annotations

import configparser
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from xdg import BaseDirectory

PROGRAM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/games:/usr/local/games"
MAXIMUM_FILE_BYTES = 256 * 1024

_GROUP = "Desktop Entry"


@dataclass(frozen=True, slots=True)
class DesktopEntry:
    id: str
    name: str
    command: tuple[str, ...]
    icon: str | None


class _Entries(configparser.RawConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return optionstr  # keys are case-sensitive


def data_folders() -> list[Path]:
    """Of the whole machine: what stands in somebody's home no other account could start."""
    return [Path(folder) for folder in BaseDirectory.xdg_data_dirs if folder != BaseDirectory.xdg_data_home]


def visible_entries(data_folders: Iterable[Path]) -> list[DesktopEntry]:
    """In the order of their names."""
    entries: dict[str, DesktopEntry | None] = {}
    for folder in data_folders:
        for identifier, path in _files(folder / "applications"):
            if identifier not in entries:
                entries[identifier] = read_entry(identifier, path)
    found = (entry for entry in entries.values() if entry is not None)
    return sorted(found, key=lambda entry: (entry.name.casefold(), entry.id))


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Ids (`sub/x.desktop` is `sub-x.desktop`) and files."""
    for path in sorted(folder.rglob("*.desktop")):
        yield "-".join(path.relative_to(folder).parts), path


def read_entry(identifier: str, path: Path) -> DesktopEntry | None:
    """The entry, or None if it is not to be shown or cannot be read."""
    parser = _Entries(delimiters=("=",), comment_prefixes=("#",), interpolation=None, strict=False)
    try:
        if path.stat().st_size > MAXIMUM_FILE_BYTES:
            return None
        parser.read_string(path.read_text(encoding="utf-8"))
        values = dict(parser[_GROUP])
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError):
        return None
    return entry_of(identifier, values)


def entry_of(identifier: str, values: dict[str, str]) -> DesktopEntry | None:
    name = unescape(values.get("Name", "")).strip()
    icon = unescape(values.get("Icon", "")).strip() or None
    if not is_visible(values) or not name or not name.isprintable():
        return None
    try_exec = unescape(values.get("TryExec", "")).strip()
    if try_exec and not program_exists(try_exec):
        return None
    try:
        command = arguments_of(unescape(values.get("Exec", "")), name, icon)
    except ValueError:
        return None
    if not command or not program_exists(command[0]):
        return None
    if values.get("Terminal", "").strip() == "true":
        command = ["xterm", "-T", name, "-e", *command]
    return DesktopEntry(identifier, name, tuple(command), icon)


def is_visible(values: dict[str, str]) -> bool:
    hidden = any(values.get(key, "").strip() == "true" for key in ("NoDisplay", "Hidden"))
    return (
        values.get("Type", "").strip() == "Application"
        and not hidden
        and not values.get("OnlyShowIn", "").strip()
    )


def program_exists(program: str) -> bool:
    return shutil.which(program, path=PROGRAM_PATH) is not None


_ESCAPES = {"s": " ", "n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


def unescape(text: str) -> str:
    r"""A value of type string: `\s`, `\n`, `\t`, `\r` and `\\`; another backslash stays."""
    result, position = "", 0
    while position < len(text):
        pair = text[position : position + 2]
        if len(pair) == 2 and pair[0] == "\\" and pair[1] in _ESCAPES:
            result += _ESCAPES[pair[1]]
            position += 2
        else:
            result += text[position]
            position += 1
    return result


def arguments_of(line: str, name: str, icon: str | None) -> list[str]:
    """An Exec value taken apart, its field codes replaced: no file is opened. Raises ValueError if it is malformed."""
    arguments = []
    for word, is_quoted in split(line):
        if is_quoted:
            arguments.append(word)  # "Field codes must not be used inside a quoted argument"
        elif word == "%i":
            arguments += ["--icon", icon] if icon else []
        elif replaced := replace_codes(word, name):
            arguments.append(replaced)
    return arguments


def replace_codes(word: str, name: str) -> str:
    """`%c` is the name, `%%` a percent sign; files, URLs and the deprecated codes are nothing."""
    result, characters = "", iter(word)
    for character in characters:
        if character != "%":
            result += character
            continue
        code = next(characters, None)
        if code is None or code not in "fFuUdDnNickvm%":
            raise ValueError(f"{word!r}: no such field code")
        result += {"c": name, "%": "%"}.get(code, "")
    return result


def split(line: str) -> list[tuple[str, bool]]:
    r"""Words and whether they were quoted. Inside double quotes, a backslash frees `"`, `` ` ``, `$` and `\`."""
    words: list[tuple[str, bool]] = []
    word, started, quoted, inside = "", False, False, False
    characters = iter(line)
    for character in characters:
        if inside and character == "\\":
            character = next(characters, "")
            if character not in tuple('"`$\\'):
                raise ValueError("a backslash frees nothing")
            word += character
        elif character == '"':
            inside = not inside
            started = quoted = True
        elif character in " \t\n" and not inside:
            if started:
                words.append((word, quoted))
            word, started, quoted = "", False, False
        else:
            word, started = word + character, True
    if inside:
        raise ValueError("a quote is not closed")
    return [*words, (word, quoted)] if started else words
