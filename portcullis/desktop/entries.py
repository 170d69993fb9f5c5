"""The applications that a machine shows in its menus, from the desktop entries of the XDG data folders.

Entries follow the Desktop Entry Specification 1.5: an earlier folder hides a later one's entry of the same id; an
entry counts if it is a visible application of every desktop whose program exists. Files may hold anything: lines that
are no UTF-8 are passed over, and everything has a bound.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from xdg import BaseDirectory

from portcullis.desktop.exec_line import arguments_of, unescape

PROGRAM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/games:/usr/local/games"
EXPORTS = (Path("/var/lib/flatpak/exports/share"), Path("/var/lib/snapd/desktop"))
"""Where Flatpak and Snap say what they have installed for everybody."""
MAXIMUM_FILE_BYTES = 256 * 1024
MAXIMUM_LINES = 10_000
MAXIMUM_FILES = 5_000
MAXIMUM_DEPTH = 6
MAXIMUM_TEXT = 512
MAXIMUM_EXEC = 4096
MAXIMUM_LISTED = 64
"""Categories, keywords, types of a file."""

_LOCALE = re.compile(
    r"([a-z]{2,3})(?:[-_]([A-Za-z]{2}|[0-9]{3}))?(?:\.[\w-]+)?(?:@(\w+))?", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class DesktopEntry:
    id: str
    name: str
    command: tuple[str, ...]
    """Ready to be started: in a terminal where it needs one, in its working directory where it names one."""
    icon: str | None
    comment: str = ""
    categories: tuple[str, ...] = ()
    mime_types: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    window_class: str = ""
    working_directory: str = ""
    terminal: bool = False


def data_folders() -> list[Path]:
    """Of the whole machine: what stands in somebody's home no other account could start."""
    return [Path(folder) for folder in BaseDirectory.xdg_data_dirs if folder != BaseDirectory.xdg_data_home]


def visible_entries(
    data_folders: Iterable[Path], locale: str = "", path: str = PROGRAM_PATH
) -> list[DesktopEntry]:
    """In the order of their names, which are of `locale` (`de_AT`, `de-AT`) where the entry knows it."""
    entries: dict[str, DesktopEntry | None] = {}
    for folder in data_folders:
        for identifier, file in entry_files(folder / "applications"):
            if identifier not in entries:
                entries[identifier] = read_entry(identifier, file, locale, path)
    found = (entry for entry in entries.values() if entry is not None)
    return sorted(found, key=lambda entry: (entry.name.casefold(), entry.id))


def entry_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Ids (`sub/x.desktop` is `sub-x.desktop`) and files, at most MAXIMUM_FILES. A link into a folder that it lies in
    leads nowhere."""
    count = 0
    for place, depth in _folders(folder):
        for name in _names_in(place):
            if not name.endswith(".desktop"):
                continue
            count += 1
            if count > MAXIMUM_FILES:
                return
            path = place / name
            yield "-".join(path.relative_to(folder).parts), path
        if depth > MAXIMUM_DEPTH:
            return


def _folders(top: Path) -> Iterator[tuple[Path, int]]:
    seen: set[tuple[int, int]] = set()
    waiting = [(top, 0)]
    while waiting:
        place, depth = waiting.pop(0)
        try:
            status = place.stat()
        except OSError:
            continue
        identity = (status.st_dev, status.st_ino)
        if not stat.S_ISDIR(status.st_mode) or identity in seen or len(seen) >= MAXIMUM_FILES:
            continue
        seen.add(identity)
        yield place, depth
        if depth < MAXIMUM_DEPTH:
            waiting += [
                (place / name, depth + 1) for name in _names_in(place) if not name.endswith(".desktop")
            ]


def _names_in(folder: Path) -> list[str]:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208  (names alone: thousands of paths would be made for nothing)
    except OSError:
        return []
    return [name for name in names[: 2 * MAXIMUM_FILES] if name.isprintable()]


def read_entry(
    identifier: str, path: Path, locale: str = "", program_path: str = PROGRAM_PATH
) -> DesktopEntry | None:
    """The entry, or None if it is not to be shown or cannot be read."""
    try:
        values = group_of(content_of(path))
    except OSError:
        return None
    return entry_of(identifier, values, locale, program_path)


def content_of(path: Path, maximum_bytes: int = MAXIMUM_FILE_BYTES) -> bytes:
    """Of a regular file that is not too large, else nothing. Raises OSError. A pipe is not waited for."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > maximum_bytes:
            return b""
        content = file.read(maximum_bytes + 1)
    return content if len(content) <= maximum_bytes else b""


def group_of(content: bytes) -> dict[str, str]:
    """The keys of the group `Desktop Entry`; the first of a name counts, and so does the first such group."""
    values: dict[str, str] = {}
    inside = False
    for raw in content.split(b"\n", MAXIMUM_LINES)[:MAXIMUM_LINES]:
        line = raw.strip()
        if line.startswith(b"["):
            if inside:
                break
            inside = line == b"[Desktop Entry]"
        elif inside and not line.startswith(b"#"):
            key, separator, value = line.partition(b"=")
            if separator:
                _take(values, key.rstrip(), value.lstrip())
    return values


def _take(values: dict[str, str], key: bytes, value: bytes) -> None:
    try:
        values.setdefault(key.decode("ascii"), value.decode("utf-8"))
    except UnicodeDecodeError:
        pass  # of another encoding, as the specification of long ago allowed


def entry_of(
    identifier: str, values: Mapping[str, str], locale: str = "", program_path: str = PROGRAM_PATH
) -> DesktopEntry | None:
    name = _line(localised(values, "Name", locale))
    icon = _line(localised(values, "Icon", locale)) or None
    if not is_visible(values) or not name:
        return None
    try_exec = unescape(values.get("TryExec", "")).strip()
    if try_exec and not program_exists(try_exec, program_path):
        return None
    command = _command(values, name, icon)
    if not command or not program_exists(command[0], program_path):
        return None
    terminal = values.get("Terminal", "").strip() == "true"
    folder = _line(values.get("Path", ""))
    folder = folder if folder.startswith("/") else ""
    return DesktopEntry(
        identifier,
        name,
        tuple(_started(command, name, folder, terminal)),
        icon,
        comment=_line(localised(values, "Comment", locale)),
        categories=_listed(values.get("Categories", "")),
        mime_types=_listed(values.get("MimeType", "")),
        keywords=_listed(localised(values, "Keywords", locale)),
        window_class=_line(values.get("StartupWMClass", "")),
        working_directory=folder,
        terminal=terminal,
    )


def _command(values: Mapping[str, str], name: str, icon: str | None) -> list[str]:
    line = values.get("Exec", "")
    if len(line) > MAXIMUM_EXEC:
        return []
    try:
        command = arguments_of(unescape(line), name, icon)
    except ValueError:
        return []
    return [] if any("\0" in word for word in command) else _without_forwarding(command)


def _without_forwarding(command: list[str]) -> list[str]:
    """Flatpak's marks around the files that it is to pass on: there are none."""
    if not command or PurePath(command[0]).name != "flatpak":
        return command
    return [word for word in command if word not in ("@@", "@@u", "--file-forwarding")]


def _started(command: Sequence[str], name: str, folder: str, terminal: bool) -> Sequence[str]:
    if folder:
        command = ["env", f"--chdir={folder}", *command]
    return ["xterm", "-T", name, "-e", *command] if terminal else command


def localised(values: Mapping[str, str], key: str, locale: str) -> str:
    """The value for a locale: with country and modifier, with either, of the language, or the one for all."""
    for suffix in _suffixes(locale):
        if value := values.get(f"{key}[{suffix}]"):
            return value
    return values.get(key, "")


def _suffixes(locale: str) -> list[str]:
    match = _LOCALE.fullmatch(locale)
    if match is None:
        return []
    language, country, modifier = match[1].lower(), (match[2] or "").upper(), match[3] or ""
    within = [f"{language}_{country}@{modifier}"] if country and modifier else []
    within += [f"{language}_{country}"] if country else []
    within += [f"{language}@{modifier}"] if modifier else []
    return [*within, language]


def _line(text: str) -> str:
    """One line that may be shown, or nothing."""
    text = unescape(text[: 2 * MAXIMUM_TEXT]).strip()[:MAXIMUM_TEXT]
    return text if text.isprintable() else ""


def _listed(text: str) -> tuple[str, ...]:
    parts = (part.strip() for part in text[: MAXIMUM_TEXT * 32].split(";"))
    return tuple(part for part in parts if part and part.isprintable() and len(part) <= 128)[:MAXIMUM_LISTED]


def is_visible(values: Mapping[str, str]) -> bool:
    hidden = any(values.get(key, "").strip() == "true" for key in ("NoDisplay", "Hidden"))
    return (
        values.get("Type", "").strip() == "Application"
        and not hidden
        and not values.get("OnlyShowIn", "").strip()
    )


def program_exists(program: str, path: str = PROGRAM_PATH) -> bool:
    try:
        return shutil.which(program, path=path) is not None
    except (OSError, ValueError):
        return False
