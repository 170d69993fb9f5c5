"""Where the picture of an icon's name lies, by the Icon Theme Specification 0.13.

Themes may say anything: what they inherit and the folders that they name are bounded, and a theme that inherits itself
ends there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from portcullis.desktop.entries import MAXIMUM_FILE_BYTES, content_of

EXTENSIONS = ("png", "svg", "xpm")
FALLBACK_THEME = "hicolor"
MAXIMUM_THEMES = 16
MAXIMUM_FOLDERS = 1024

Kind = Literal["Fixed", "Scalable", "Threshold"]
_NAME = re.compile(r"[^/\0]{1,255}")
_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Folder:
    """One of a theme, for icons of a size."""

    name: str
    size: int
    kind: Kind = "Threshold"
    lowest: int = 0
    highest: int = 0
    threshold: int = 2
    scale: int = 1

    def distance(self, size: int) -> int:
        """0: it is for this size. Of an icon that is drawn for a scale, its pixels count."""
        if self.kind == "Fixed":
            lowest = highest = self.size
        elif self.kind == "Scalable":
            lowest, highest = self.lowest or self.size, self.highest or self.size
        else:
            lowest, highest = self.size - self.threshold, self.size + self.threshold
        lowest, highest = lowest * self.scale, highest * self.scale
        return max(0, lowest - size, size - highest)


@dataclass(frozen=True, slots=True)
class Theme:
    name: str
    folders: tuple[Folder, ...] = ()
    inherits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Icons:
    """Of the data folders given, as they were at the first look."""

    data_folders: Sequence[Path]
    themes: Sequence[str] = ("Adwaita",)
    _known: dict[str, Theme | None] = field(default_factory=dict)
    _there: dict[Path, frozenset[str]] = field(default_factory=dict)

    def find(self, name: str, size: int) -> Path | None:
        """The picture, or None. A name that is a path is that path."""
        if name.startswith("/"):
            return Path(name) if name.lower().endswith(tuple(f".{each}" for each in EXTENSIONS)) else None
        stem = _without_extension(name)
        if _NAME.fullmatch(stem) is None:
            return None
        for theme in self._chain():
            if (found := self._in_theme(theme, stem, size)) is not None:
                return found
        return self._in_folders((*self._bases(), *self._pixmaps()), stem)

    def _in_theme(self, theme: Theme, name: str, size: int) -> Path | None:
        nearest = sorted(theme.folders, key=lambda folder: folder.distance(size))
        for folder in nearest:
            places = (base / theme.name / folder.name for base in self._bases())
            if (found := self._in_folders(places, name)) is not None:
                return found
        return None

    def _in_folders(self, places: Iterator[Path] | Sequence[Path], name: str) -> Path | None:
        for place in places:
            for extension in EXTENSIONS:
                if f"{name}.{extension}" in self._names(place):
                    return place / f"{name}.{extension}"
        return None

    def _names(self, place: Path) -> frozenset[str]:
        if place not in self._there:
            try:
                self._there[place] = frozenset(each.name for each in place.iterdir())
            except (OSError, ValueError):
                self._there[place] = frozenset()
        return self._there[place]

    def _chain(self) -> list[Theme]:
        """The themes in their order, each once, the fallback last."""
        chain: dict[str, Theme] = {}
        waiting = list(self.themes)
        while waiting and len(chain) < MAXIMUM_THEMES:
            name = waiting.pop(0)
            if name in chain or name == FALLBACK_THEME or (theme := self._theme(name)) is None:
                continue
            chain[name] = theme
            waiting = [*theme.inherits, *waiting]
        fallback = self._theme(FALLBACK_THEME)
        return [*chain.values(), *([fallback] if fallback else [])]

    def _theme(self, name: str) -> Theme | None:
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> Theme | None:
        if _NAME.fullmatch(name) is None or name.startswith("."):
            return None
        for base in self._bases():
            try:
                content = content_of(base / name / "index.theme", 4 * MAXIMUM_FILE_BYTES)
            except OSError:
                continue
            return parse_theme(name, content)
        return None

    def _bases(self) -> list[Path]:
        return [folder / "icons" for folder in self.data_folders]

    def _pixmaps(self) -> list[Path]:
        return [folder / "pixmaps" for folder in self.data_folders]


def parse_theme(name: str, content: bytes) -> Theme:
    """What makes no sense is left out."""
    groups = _groups(content)
    head = groups.get("Icon Theme", {})
    names = [*_listed(head.get("Directories", "")), *_listed(head.get("ScaledDirectories", ""))]
    named = list(dict.fromkeys(names))[:MAXIMUM_FOLDERS]
    folders = (_folder(each, groups.get(each, {})) for each in named)
    return Theme(
        name,
        tuple(folder for folder in folders if folder is not None),
        tuple(_listed(head.get("Inherits", "")))[:MAXIMUM_THEMES],
    )


def _folder(name: str, values: Mapping[str, str]) -> Folder | None:
    size = _number(values, "Size", 0)
    if not size or name.startswith("/") or ".." in name.split("/"):
        return None
    kind = values.get("Type", "Threshold")
    return Folder(
        name,
        size,
        kind if kind in ("Fixed", "Scalable") else "Threshold",  # type: ignore[arg-type]
        _number(values, "MinSize", size),
        _number(values, "MaxSize", size),
        _number(values, "Threshold", 2),
        min(8, max(1, _number(values, "Scale", 1))),
    )


def _number(values: Mapping[str, str], key: str, otherwise: int) -> int:
    text = values.get(key, "").strip()
    return int(text) if _NUMBER.fullmatch(text) else otherwise


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _groups(content: bytes) -> dict[str, dict[str, str]]:
    groups: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            current = groups.setdefault(text[1:-1], {})
        elif "=" in text and not text.startswith("#"):
            key, _, value = text.partition("=")
            current.setdefault(key.strip(), value.strip())
    return groups


def _without_extension(name: str) -> str:
    """Some entries name a file where a name is wanted."""
    stem, _, extension = name.rpartition(".")
    return stem if stem and extension in EXTENSIONS else name
