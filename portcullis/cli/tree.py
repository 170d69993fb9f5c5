"""Documents of a file, of standard input or of a whole folder, checked, with the place of each.

Of a folder every `.yaml`, `.yml` and `.json` counts, at any depth, in the order of their paths; what begins with a dot
is passed over, and so is a link that leads out of the folder.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portcullis.cli import icons
from portcullis.cli.documents import MAXIMUM_BYTES, ManifestError, Place, read_documents
from portcullis.schemas.documents import KINDS

SUFFIXES = (".yaml", ".yml", ".json")
MAXIMUM_FILES = 20_000
MAXIMUM_FINDINGS = 200


@dataclass(frozen=True, slots=True)
class FileDocument:
    """`folder`: where its icon is looked for."""

    place: Place
    data: dict[str, Any]
    folder: Path


@dataclass(frozen=True, slots=True)
class Source:
    """Name for messages, content, and the folder that paths in it start from."""

    name: str
    content: bytes
    folder: Path


def read_source(file: str) -> Source:
    """Raises ManifestError."""
    try:
        if file == "-":
            return Source("standard input", sys.stdin.buffer.read(MAXIMUM_BYTES + 1), Path())
        with Path(file).open("rb") as stream:
            return Source(file, stream.read(MAXIMUM_BYTES + 1), Path(file).parent)
    except OSError as exc:
        raise ManifestError(f"{file}: {exc.strerror}") from exc


def read_tree(file: str, known: Source | None = None) -> list[FileDocument]:
    """`known`: what was read of it already. Raises ManifestError with every finding of every file."""
    # Here, for only files need it: loading jsonschema takes longer than most commands.
    from portcullis.schemas.checking import file_findings

    documents: list[FileDocument] = []
    findings: list[str] = []
    for path in _paths(file):
        try:
            source = known or read_source(path)
            for place, data in read_documents(source.content, source.name):
                found = [
                    place.message(each.path, each.expected, key=each.of_key) for each in file_findings(data)
                ]
                findings += found
                if not found:
                    documents.append(FileDocument(place, data, source.folder))
        except ManifestError as exc:
            findings += str(exc).splitlines()
    if findings:
        raise ManifestError(_told(findings))
    if not documents:
        raise ManifestError(f"{file}: expected at least one document")
    return documents


def is_configuration(content: bytes, source: str) -> bool:
    """Whether a file holds more than programs to publish: another kind, labels, an RDP server or a Windows program.
    Raises ManifestError."""
    return any(
        isinstance(data, dict)
        and (
            data.get("kind") in _OTHER_KINDS
            or (data.get("kind") == "application" and not _NEWER.isdisjoint(data))
        )
        for _, data in read_documents(content, source)
    )


_OTHER_KINDS = frozenset(KINDS) - {"application"}
_NEWER = frozenset({"labels", "rdp", "wine", "desktop"})
"""Fields of an application that are sent as a change of the configuration alone."""


def with_pictures(document: FileDocument, findings: list[str]) -> dict[str, Any]:
    """The document as it is sent: what it names as icon or logo, as content."""
    data = document.data
    if "icon" in data:
        return {**data, "icon": _picture(document, ("icon",), data["icon"], findings)}
    if "logo" in data.get("theme", {}):
        logo = _picture(document, ("theme", "logo"), data["theme"]["logo"], findings)
        return {**data, "theme": {**data["theme"], "logo": logo}}
    return data


def _picture(
    document: FileDocument, path: tuple[str, ...], name: str | None, findings: list[str]
) -> dict[str, str] | None:
    if name is None or name == "none":
        return None
    try:
        return icons.load(name, document.folder).to_json()
    except icons.IconError as exc:
        findings.append(document.place.message(path, str(exc)))
        return None


def _paths(file: str) -> list[str]:
    """Raises ManifestError."""
    folder = Path(file)
    if file == "-" or not folder.is_dir():
        return [file]
    found = sorted(str(path) for path in _files(folder))
    if len(found) > MAXIMUM_FILES:
        raise ManifestError(f"{file}: expected at most {MAXIMUM_FILES} files")
    return found


def _files(folder: Path) -> Iterator[Path]:
    root = folder.resolve()
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.suffix in SUFFIXES and path.is_file() and path.resolve().is_relative_to(root):
            yield path


def _told(findings: list[str]) -> str:
    more = len(findings) - MAXIMUM_FINDINGS
    return "\n".join([*findings[:MAXIMUM_FINDINGS], *([f"... and {more} more"] if more > 0 else [])])
