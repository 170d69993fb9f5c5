"""Wine's registry files as texts: whose profile they name, and a newer template's with what a user changed. Pure.

A file is a header, then keys: `[Software\\\\Some\\\\Key] 1669041113`, each with lines of its own (`#time=`, `#link`)
and values, `"name"=...` or `@=...`, which go on in the next line where one ends in a backslash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

SIGNATURE = b"WINE REGISTRY Version"
_KEY = re.compile(rb"\[(.*)\](?: \d+)?$")
_VALUE = re.compile(rb'(@|"(?:[^"\\]|\\.)*")=')


@dataclass
class _Key:
    lines: list[bytes]
    """Its head, and what is no value."""
    values: dict[bytes, bytes] = field(default_factory=dict)
    """Whole lines by name."""


@dataclass
class _File:
    header: list[bytes]
    keys: dict[bytes, _Key]


def is_registry(text: bytes) -> bool:
    return text.startswith(SIGNATURE)


def renamed(text: bytes, before: str, after: str) -> bytes:
    """With the profile `C:\\users\\<after>` where it named the one of `before`."""
    place = re.compile(rb"(users\\\\)" + re.escape(before.encode()) + rb'(?=\\\\|"|;|\\0)', re.IGNORECASE)
    return place.sub(lambda found: found[1] + after.encode(), text)


def merged(base: bytes, mine: bytes, theirs: bytes) -> bytes:
    """`theirs`, with what `mine` changed since it was `base`: values set or changed there, and values taken away, but
    not where they changed it as well."""
    was, own, new = _read(base), _read(mine), _read(theirs)
    for name, key in own.keys.items():
        before = was.keys.get(name, _Key([]))
        changed = {value: line for value, line in key.values.items() if before.values.get(value) != line}
        if name not in new.keys and (changed or name not in was.keys):
            new.keys[name] = _Key(key.lines)
        if name in new.keys:
            into = new.keys[name].values
            into.update(changed)
            for value in before.values.keys() - key.values.keys():
                if into.get(value) == before.values[value]:
                    del into[value]
    return b"\n".join(_written(new)) + b"\n"


def scaled(text: bytes, dots_per_inch: int) -> bytes:
    """The user's part, so that Windows programs draw as large as others do in the session."""
    head = text.split(b"\n", 1)[0]
    said = b'%s\n\n[Control Panel\\\\Desktop] 0\n"LogPixels"=dword:%08x\n' % (head, dots_per_inch)
    return merged(b"", said, text)


def _read(text: bytes) -> _File:
    file = _File([], {})
    key: _Key | None = None
    for line in _whole_lines(text):
        if (head := _KEY.match(line)) is not None:
            key = file.keys.setdefault(head[1], _Key([line]))
        elif key is None:
            file.header.append(line)
        elif (value := _VALUE.match(line)) is not None:
            key.values[value[1]] = line
        elif line:
            key.lines.append(line)
    return file


def _whole_lines(text: bytes) -> Iterator[bytes]:
    begun: list[bytes] = []
    for line in text.split(b"\n"):
        begun.append(line)
        if not (line.endswith(b"\\") and _goes_on(begun[0])):
            yield b"\n".join(begun)
            begun = []
    if begun:
        yield b"\n".join(begun)


def _goes_on(line: bytes) -> bool:
    """Texts are on one line, whatever they end in."""
    value = _VALUE.match(line)
    return value is not None and line[value.end() :].startswith(b"hex")


def _written(file: _File) -> Iterator[bytes]:
    while file.header and not file.header[-1]:
        file.header.pop()
    yield from file.header
    for key in file.keys.values():
        yield b""
        yield from key.lines
        yield from key.values.values()
