"""Commands that change something."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from portcullis.cli import icons, manifest
from portcullis.cli.manifest import ApplicationDocument, ManifestError
from portcullis.cli.output import safe
from portcullis.errors import InvalidInput, PortcullisError
from portcullis.rest.client import Client

Prepared = tuple[ApplicationDocument, dict[str, object]]


def apply(client: Client, arguments: argparse.Namespace) -> None:
    """Nothing is sent before every document, icons included, is found to be right."""
    source, content, folder = read_manifest(arguments.file)
    prepared = prepare(manifest.parse(content, source), folder)
    for document, body in prepared:
        try:
            answer = client.put("admin", "applications", document.name, body=body)
        except PortcullisError as exc:
            raise located(document, exc) from exc
        print(f"application {safe(document.name)}: {safe(answer.get('outcome'))}")


def read_manifest(file: str) -> tuple[str, bytes, Path]:
    """Name for messages, content, and the folder that paths in it start from. Raises ManifestError."""
    try:
        if file == "-":
            return "standard input", sys.stdin.buffer.read(manifest.MAXIMUM_BYTES + 1), Path()
        with Path(file).open("rb") as stream:
            return file, stream.read(manifest.MAXIMUM_BYTES + 1), Path(file).parent
    except OSError as exc:
        raise ManifestError(f"{file}: {exc.strerror}") from exc


def prepare(documents: list[ApplicationDocument], folder: Path) -> list[Prepared]:
    """Each with its request. Raises ManifestError with everything that is wrong with icons."""
    prepared: list[Prepared] = []
    findings = []
    for document in documents:
        body: dict[str, object] = document.body()
        try:
            if not document.keeps_icon:
                body["icon"] = icons.load(document.icon, folder).to_json() if document.icon else None
        except icons.IconError as exc:
            findings.append(document.place.message(("icon",), str(exc)))
        prepared.append((document, body))
    if findings:
        raise ManifestError("\n".join(findings))
    return prepared


def located(document: ApplicationDocument, error: PortcullisError) -> PortcullisError:
    """The service's finding, with the place in the file that it is about."""
    if isinstance(error, InvalidInput):
        path = path_of(error.field)
        return PortcullisError(error.code, document.place.message(path, error.expected))
    located = type(error)(
        error.code, document.place.message((), "").partition(": expected")[0] + f": {error.message}"
    )
    located.data = error.data
    return located


def path_of(field: str) -> manifest.FieldPath:
    """`entitled.users[0]` taken apart."""
    path: list[str | int] = []
    for segment in field.replace("[", ".[").split("."):
        if segment.startswith("[") and segment.endswith("]") and segment[1:-1].isdecimal():
            path.append(int(segment[1:-1]))
        elif segment:
            path.append(segment)
    return tuple(path)


def session_logoff(client: Client, arguments: argparse.Namespace) -> None:
    client.delete("admin", "sessions", arguments.id)
    print(f"session {safe(arguments.id)}: logging off")


def token_revoke(client: Client, arguments: argparse.Namespace) -> None:
    client.delete("admin", "tokens", arguments.id)
    print(f"token {safe(arguments.id)}: revoked")
