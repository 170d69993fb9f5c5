"""Commands that change something."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from portcullis.cli import configuring, icons, manifest
from portcullis.cli.manifest import ApplicationDocument, ManifestError
from portcullis.cli.output import as_json, safe
from portcullis.cli.tree import is_configuration, read_source
from portcullis.errors import InvalidInput, PortcullisError, Refused
from portcullis.rest.client import Client
from portcullis.schemas.places import path_of

Prepared = tuple[ApplicationDocument, dict[str, object]]


def apply(client: Client, arguments: argparse.Namespace) -> None:
    """Nothing is sent before every document, icons included, is found to be right. A folder, and a file that holds
    more than plain applications, is applied as a whole (`configuring`).
    """
    asks_for_more = bool(arguments.prune or arguments.reason or arguments.invite)
    if asks_for_more or (arguments.file != "-" and Path(arguments.file).is_dir()):
        return configuring.apply(client, arguments)
    source = read_source(arguments.file)
    if is_configuration(source.content, source.name):
        return configuring.apply(client, arguments, source)
    prepared = prepare(manifest.parse(source.content, source.name), source.folder)
    outcomes = []
    for document, body in prepared:
        try:
            answer = client.put("admin", "applications", document.name, body=body)
        except PortcullisError as exc:
            raise located(document, exc) from exc
        outcomes.append(Outcome(document.name, str(answer.get("outcome"))))
        if not arguments.json:
            print(outcomes[-1])
    if arguments.json:
        print(as_json([outcome.to_json() for outcome in outcomes]))


def delete(client: Client, arguments: argparse.Namespace) -> None:
    """What is there goes, whatever else was named. Raises Refused("not_found") in the end if something was not there
    and that was not said to be fine."""
    outcomes = [_delete(client, name) for name in _names_to_delete(arguments)]
    if arguments.json:
        print(as_json([outcome.to_json() for outcome in outcomes]))
    else:
        print("\n".join(map(str, outcomes)))
    absent = [outcome.name for outcome in outcomes if outcome.outcome == "absent"]
    if absent and not arguments.ignore_not_found:
        raise Refused("not_found", f"There is no application {', '.join(map(repr, absent))}.")


def _names_to_delete(arguments: argparse.Namespace) -> list[str]:
    """Each once. Raises ManifestError; InvalidInput when there is neither file nor name, or both."""
    if bool(arguments.file) == bool(arguments.names):
        raise InvalidInput("delete", "either `application NAME` or `-f FILE`")
    if not arguments.file:
        return list(dict.fromkeys(arguments.names))
    source = read_source(arguments.file)
    return list(dict.fromkeys(name for _, name in manifest.named(source.content, source.name)))


def _delete(client: Client, name: str) -> Outcome:
    try:
        client.delete("admin", "applications", name)
    except Refused as exc:
        if exc.code != "not_found":
            raise
        return Outcome(name, "absent")
    return Outcome(name, "deleted")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one application."""

    name: str
    outcome: str

    def __str__(self) -> str:
        return f"application {safe(self.name)}: {safe(self.outcome)}"

    def to_json(self) -> dict[str, str]:
        return {"kind": "application", "name": self.name, "outcome": self.outcome}


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
    located = type(error)(error.code, f"{document.place.where()}: {error.message}")
    located.data = error.data
    return located


def host_set(client: Client, arguments: argparse.Namespace) -> None:
    groups = [group.strip() for group in arguments.groups.split(",") if group.strip()]
    host = client.put("admin", "hosts", arguments.name, body={"groups": groups})["host"]
    shown = ", ".join(map(safe, host.get("groups", ()))) or "none"
    print(f"host {safe(host.get('name'))}: groups {shown}")


def session_logoff(client: Client, arguments: argparse.Namespace) -> None:
    client.delete("admin", "sessions", arguments.id)
    print(f"session {safe(arguments.id)}: logging off")


def token_revoke(client: Client, arguments: argparse.Namespace) -> None:
    client.delete("admin", "tokens", arguments.id)
    print(f"token {safe(arguments.id)}: revoked")
