"""`export`: a tenant's configuration as documents on standard output, or as files in a new folder with their icons."""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from portcullis.cli.documents import ManifestError
from portcullis.cli.output import as_json
from portcullis.rest.client import Client
from portcullis.schemas.documents import KINDS, as_text, documents_schema

SCHEMA = ".schema/documents.json"
_EXTENSIONS = {b"\x89PNG": "png"}


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "export", help="the configuration as documents, which applied change nothing"
    )
    command.add_argument(
        "-f", "--file", metavar="DIR", help="a new folder for the files; absent: standard output"
    )
    command.add_argument("--kinds", default="", metavar="A,B", help=f"some of {', '.join(KINDS)}")
    command.add_argument("--json", action="store_true", help="JSON instead of YAML (standard output)")
    command.set_defaults(run=export)


def export(client: Client, arguments: argparse.Namespace) -> None:
    query = {"kinds": arguments.kinds} if arguments.kinds else None
    documents = client.get("admin", "configuration", "export", query=query)["documents"]
    if arguments.file is None:
        shown = [_without_pictures(document) for document in documents]
        print(
            as_json(shown) if arguments.json else "---\n".join(map(_yaml, shown)), end="" if shown else "\n"
        )
        return
    folder = _new_folder(arguments.file)
    _write(folder / SCHEMA, as_text(documents_schema()).encode())
    taken: set[str] = set()
    for document in documents:
        path = _path(document, taken)
        schema = "../" * len(path.parts[:-1]) + SCHEMA
        said = _with_files(client, document, folder, path)
        _write(folder / path, f"# yaml-language-server: $schema={schema}\n{_yaml(said)}".encode())
    print(f"{len(documents)} documents in {folder}")


def _new_folder(name: str) -> Path:
    """Raises ManifestError: files that nobody exported would be applied with the others."""
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ManifestError(f"{name}: expected a new or empty folder")
    except OSError as exc:
        raise ManifestError(f"{name}: {exc.strerror}") from exc
    return folder


def _path(document: Mapping[str, Any], taken: set[str]) -> Path:
    kind = str(document["kind"])
    if kind == "tenant":
        return Path("tenant.yaml")
    name = document.get("name") or "-".join(filter(None, (document.get("level"), document.get("of"))))
    text = re.sub(r"[^a-z0-9]+", "-", str(name).lower()).strip("-")[:60]
    folder = "policies" if kind == "policy" else f"{kind}s"
    path = f"{folder}/{text}.yaml"
    if not text or path in taken:
        text = f"{text or 'x'}-{hashlib.sha256(str(name).encode()).hexdigest()[:8]}"
        path = f"{folder}/{text}.yaml"
    taken.add(path)
    return Path(path)


def _with_files(client: Client, document: dict[str, Any], folder: Path, path: Path) -> dict[str, Any]:
    icon, theme = document.get("icon"), document.get("theme")
    up = "../" * len(path.parts[:-1]) or "./"
    if icon:
        return {**document, "icon": up + _picture(client, folder, "icons", path.stem, icon["hash"])}
    if document["kind"] == "application" and "icon" in document:
        return {**document, "icon": "none"}
    if theme and theme.get("logo"):
        logo = up + _picture(client, folder, "logos", "logo", theme["logo"]["hash"])
        return {**document, "theme": {**theme, "logo": logo}}
    return document


def _picture(client: Client, folder: Path, kind: str, stem: str, content_hash: str) -> str:
    content = client.content(kind, content_hash)
    extension = next((end for start, end in _EXTENSIONS.items() if content.startswith(start)), "svg")
    name = f"{kind}/{stem}.{extension}"
    _write(folder / name, content)
    return name


def _without_pictures(document: dict[str, Any]) -> dict[str, Any]:
    """On one stream there is no place for them: absent, they stay as they are."""
    if document["kind"] == "application":
        return {name: value for name, value in document.items() if name != "icon"}
    if document["kind"] == "tenant":
        theme = {name: value for name, value in document.get("theme", {}).items() if name != "logo"}
        return {**document, "theme": theme}
    return document


def _write(path: Path, content: bytes) -> None:
    """Raises ManifestError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as exc:
        raise ManifestError(f"{path}: {exc.strerror}") from exc


def _yaml(document: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=100))
