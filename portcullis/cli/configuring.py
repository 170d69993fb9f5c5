"""Configuration as files: `plan`, `apply`, `diff`, `schema` (docs/configuration.md).

Nothing is sent before every document of every file is found to be right; what the service finds is told with file and
line as well.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from portcullis.cli.documents import ManifestError
from portcullis.cli.output import as_json, safe
from portcullis.cli.plan_text import changes_text, plan_text, summary
from portcullis.cli.tree import FileDocument, Source, read_tree, with_pictures
from portcullis.errors import InvalidInput
from portcullis.rest.client import Client
from portcullis.schemas.documents import as_text, documents_schema
from portcullis.schemas.places import path_of

DIFFERENT = 5
TOLD_USERS = 10
INLINE_BYTES = 200_000
"""Of pictures in a request; with more, they are sent one by one before it."""
MAXIMUM_REQUEST_BYTES = 1_000_000

Commands = argparse._SubParsersAction

_DOCUMENT = re.compile(r"documents\[([0-9]+)\]\.?(.*)", re.DOTALL)


def add_commands(commands: Commands[argparse.ArgumentParser]) -> None:
    planning = commands.add_parser(
        "plan", help="what applying files would change, and who gains or loses access"
    )
    planning.set_defaults(run=plan)
    differing = commands.add_parser(
        "diff", help=f"how the service differs from files; exit code {DIFFERENT} when it does"
    )
    differing.set_defaults(run=diff)
    for command in (planning, differing):
        command.add_argument(
            "-f",
            "--file",
            required=True,
            help="a folder of YAML and JSON files, one file, or - for standard input",
        )
        command.add_argument("--json", action="store_true", help="JSON instead of text")
        add_pruning(command)
    schema = commands.add_parser("schema", help="the JSON Schema of documents, for editors")
    schema.set_defaults(here=print_schema)


def add_pruning(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--prune",
        action="append",
        default=[],
        metavar="LABEL=VALUE",
        help="also delete what carries this label and is in no file",
    )


def plan(client: Client, arguments: argparse.Namespace) -> None:
    answer = _ask(client, arguments, "plan", {})
    print(as_json(answer) if arguments.json else plan_text(answer))


def diff(client: Client, arguments: argparse.Namespace) -> int:
    changes = _ask(client, arguments, "plan", {})["changes"]
    if arguments.json:
        print(as_json(changes))
    elif changes:
        print("\n".join(changes_text(changes)))
    return DIFFERENT if changes else 0


def apply(client: Client, arguments: argparse.Namespace, source: Source | None = None) -> None:
    """All of it or nothing. `source`: what was read already."""
    reason = {"reason": arguments.reason} if arguments.reason else {}
    answer = _ask(client, arguments, "apply", reason, source)
    new = _new_users(answer["changes"])
    links = _invited(client, new) if arguments.invite else {}
    if arguments.json:
        print(as_json(answer))
    else:
        done = summary(answer["changes"]).replace(" to create", " created").replace(" to change", " changed")
        lines = [*changes_text(answer["changes"]), done.replace(" to delete", " deleted")]
        print("\n".join([*lines, f"revision {answer['revision']}"]))
    for name, link in links.items():
        print(f"The link for {safe(name)}, good once and for 24 hours: {safe(link)}", file=sys.stderr)
    if new and not arguments.invite:
        print(_uninvited(new), file=sys.stderr)


def _new_users(changes: Sequence[Mapping[str, Any]]) -> list[str]:
    return [change["name"] for change in changes if (change["kind"], change["action"]) == ("user", "create")]


def _invited(client: Client, names: Sequence[str]) -> dict[str, str]:
    """The link by which each user who is new chooses password and factor."""
    return {
        name: client.post("admin", "users", name, "reset", body={})["enrolment"]["link"] for name in names
    }


def _uninvited(names: Sequence[str]) -> str:
    told = ", ".join(map(safe, names[:TOLD_USERS])) + (", ..." if len(names) > TOLD_USERS else "")
    return (
        f"New, and not able to sign in yet: {told}. `portcullis user reset NAME` prints the link for one; --invite "
        "prints it here."
    )


def print_schema(_: argparse.Namespace) -> int:
    print(as_text(documents_schema()), end="")
    return 0


def _ask(
    client: Client,
    arguments: argparse.Namespace,
    act: str,
    more: Mapping[str, Any],
    source: Source | None = None,
) -> Any:
    documents = read_tree(arguments.file, source)
    body = {"documents": _prepared(client, documents, act), **more}
    prune = _labels(arguments.prune)
    if prune:
        body["prune"] = prune
    if len(json.dumps(body)) > MAXIMUM_REQUEST_BYTES:
        raise ManifestError(
            f"{arguments.file}: expected at most {MAXIMUM_REQUEST_BYTES} bytes of documents at once: apply parts of it"
        )
    try:
        return client.post("admin", "configuration", act, body=body)
    except InvalidInput as exc:
        _raise_located(exc, documents)


def _prepared(client: Client, documents: Sequence[FileDocument], act: str) -> list[dict[str, Any]]:
    """Ready to be sent. Raises ManifestError with everything that is wrong with icons."""
    findings: list[str] = []
    sent = [with_pictures(document, findings) for document in documents]
    if findings:
        raise ManifestError("\n".join(findings))
    pictures = [picture for document in sent if (picture := _picture_of(document))]
    if sum(len(picture["data"]) for picture in pictures) <= INLINE_BYTES:
        return sent
    hashes: dict[str, str] = {}
    return [_sent_ahead(client, document, hashes) for document in sent]


def _picture_of(document: Mapping[str, Any]) -> dict[str, str] | None:
    picture: dict[str, str] | None = document.get("icon") or document.get("theme", {}).get("logo")
    return picture


def _sent_ahead(client: Client, document: dict[str, Any], hashes: dict[str, str]) -> dict[str, Any]:
    picture = _picture_of(document)
    if picture is None:
        return document
    if picture["data"] not in hashes:
        hashes[picture["data"]] = client.post("admin", "configuration", "icons", body=picture)["hash"]
    named = {"hash": hashes[picture["data"]]}
    if "icon" in document:
        return {**document, "icon": named}
    return {**document, "theme": {**document["theme"], "logo": named}}


def _labels(texts: Sequence[str]) -> dict[str, str]:
    labels = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name or not value:
            raise InvalidInput("--prune", "a label and its value, such as owner=platform-team")
        labels[name] = value
    return labels


def _raise_located(error: InvalidInput, documents: Sequence[FileDocument]) -> NoReturn:
    """Every finding of the service, with the place in the file that it is about."""
    findings = error.data.get("findings")
    if not isinstance(findings, list):
        findings = [{"field": error.field, "expected": error.expected}]
    told = [_located(each, documents) for each in findings if isinstance(each, dict)]
    if not any(_DOCUMENT.match(str(each.get("field"))) for each in findings if isinstance(each, dict)):
        raise error
    raise ManifestError("\n".join(told)) from error


def _located(finding: Mapping[str, Any], documents: Sequence[FileDocument]) -> str:
    field, expected = str(finding.get("field")), str(finding.get("expected"))
    match = _DOCUMENT.match(field)
    if match is None or int(match[1]) >= len(documents):
        return f"{field}: expected {expected}"
    return documents[int(match[1])].place.message(path_of(match[2]), expected)
