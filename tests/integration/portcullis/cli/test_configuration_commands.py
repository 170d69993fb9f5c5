"""`portcullis plan|apply|diff|export|history|rollback|schema` against a broker's real API."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from portcullis.cli import configuring
from portcullis.cli.__main__ import main
from tests.support.api_site import ApiSite, api_site, serving
from tests.support.pictures import png

Portcullis = Callable[..., Awaitable[tuple[int, str, str]]]
PNG = png()
TREE = {
    "tenant.yaml": "kind: tenant\ntitle: Acme Inc\n",
    "people/ann.yaml": "kind: user\nname: ann\ngroups: [staff, artists]\n---\nkind: user\nname: bob\n",
    "applications/paint.yaml": (
        "kind: application\nname: Paint\ncommand: [gimp]\nicon: ../paint.png\n"
        "entitled: {groups: [artists]}\nlabels: {owner: design}\n"
    ),
    "policies.json": '[{"kind": "policy", "level": "tenant", "values": {"clipboard": "none"}}]',
    ".hidden/x.yaml": "kind: nothing\n",
}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[ApiSite]:
    async with api_site(tmp_path, tenants=1) as running:
        yield running


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    for name, text in TREE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "paint.png").write_bytes(PNG)
    return folder


@pytest.fixture
async def portcullis(
    site: ApiSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Portcullis]:
    """The command, with the token of acme's root."""

    async def gateway(request: web.Request) -> web.Response:
        headers = {
            name: request.headers[name]
            for name in ("Authorization", "Content-Type")
            if name in request.headers
        }
        answer = await browser.request(request.method, request.raw_path, await request.read(), headers)
        return web.Response(status=answer.status, body=answer.body)

    async def run(*words: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, ["--profile", str(profile), *words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    door = web.Application(client_max_size=1 << 20)
    door.router.add_route("*", "/{path:.*}", gateway)
    profile = tmp_path / "profile.json"
    async with site.browser() as browser, serving(door) as url:
        profile.write_text(json.dumps({"url": url, "token": site.acme.root.api_token}))
        profile.chmod(0o600)
        yield run


async def test_a_folder_is_planned_applied_compared_and_taken_back(
    portcullis: Portcullis, tree: Path
) -> None:
    where = ("-f", str(tree))
    planned = await portcullis("plan", *where)
    assert planned[0] == 0 and "+ application Paint\n    command: gimp\n" in planned[1]
    assert "3 to create, 2 to change, 0 to delete.\nAccess: 1 gained, 0 lost" in planned[1]
    assert "  + Paint: ann" in planned[1]
    different = await portcullis("diff", *where)
    assert different[0] == 5 and "~ user ann\n    groups: staff -> artists, staff" in different[1]
    applied = await portcullis("apply", *where, "--reason", "the first day")
    assert applied[0] == 0 and "3 created, 2 changed, 0 deleted." in applied[1]
    assert await portcullis("diff", *where) == (0, "", "")
    assert "Nothing changed." in (await portcullis("apply", *where))[1]

    code, past, _ = await portcullis("history", "--kind", "application", "--json")
    (entry, *_) = json.loads(past)
    assert (code, entry["name"], entry["reason"]) == (0, "Paint", "the first day")
    assert "the first day" in (await portcullis("history"))[1]
    assert "    command: gimp" in (await portcullis("history", "--fields", "--name", "Paint"))[1]

    (tree / "applications/paint.yaml").unlink()
    assert "nothing to change." in (await portcullis("plan", *where))[1].lower()
    pruned = await portcullis("apply", *where, "--prune", "owner=design")
    assert "- application Paint" in pruned[1]
    back = await portcullis("rollback", str(entry["revision"]), "--dry-run")
    assert "+ application Paint" in back[1] and "Access: 1 gained" in back[1]
    assert (await portcullis("rollback", str(entry["revision"]), "--yes"))[1].startswith(
        "as it was at revision"
    )
    assert '"Paint"' in (await portcullis("get", "applications", "--json"))[1]


async def test_users_who_are_new_are_invited_if_that_is_asked_for(portcullis: Portcullis, tree: Path) -> None:
    code, out, told = await portcullis("apply", "-f", str(tree), "--invite")
    assert code == 0 and "+ user bob" in out and "enrol_" not in out
    assert told.startswith(
        "The link for bob, good once and for 24 hours: https://portal.example/#/enrol/enrol_"
    )
    assert (await portcullis("apply", "-f", str(tree), "--invite"))[2] == ""


async def test_a_rollback_is_asked_about(
    portcullis: Portcullis, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await portcullis("apply", "-f", str(tree))
    revision = json.loads((await portcullis("history", "--limit", "1", "--json"))[1])[0]["revision"]
    for answer, code in (("n\n", 1), ("y\n", 0)):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert (await portcullis("rollback", str(revision - 1)))[0] == code
    assert (await portcullis("diff", "-f", str(tree)))[0] == 5


async def test_an_export_is_a_folder_that_changes_nothing(
    portcullis: Portcullis, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await portcullis("apply", "-f", str(tree))
    folder = tmp_path / "exported"
    code, told, _ = await portcullis("export", "-f", str(folder))
    assert code == 0 and str(folder) in told
    paint = (folder / "applications/paint.yaml").read_text()
    assert paint.startswith("# yaml-language-server: $schema=../.schema/documents.json\n")
    assert "icon: ../icons/paint.png" in paint and (folder / "icons/paint.png").read_bytes() == PNG
    assert await portcullis("diff", "-f", str(folder)) == (0, "", "")
    monkeypatch.setattr(configuring, "INLINE_BYTES", 0)
    assert await portcullis("diff", "-f", str(folder)) == (0, "", "")
    assert (await portcullis("export", "-f", str(folder)))[0] == 2
    code, text, _ = await portcullis("export", "--kinds", "policy,user")
    monkeypatch.setattr("sys.stdin", _Bytes(text.encode()))
    assert (code, text.count("kind: user")) == (0, 3)
    assert (await portcullis("apply", "-f", "-"))[1].startswith("Nothing changed.")


class _Bytes(io.StringIO):
    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.buffer = io.BytesIO(content)


async def test_what_the_service_finds_is_told_with_file_and_line(portcullis: Portcullis, tree: Path) -> None:
    (tree / "people/eve.yaml").write_text("kind: user\nname: eve\nrole: chief\n")
    (tree / "more.yaml").write_text(
        "kind: application\nname: X\ncommand: [x]\nentitled:\n  users:\n    - ann\n    - nobody\n"
    )
    code, _, told = await portcullis("apply", "-f", str(tree))
    assert (code, f"{tree}/more.yaml:7:7: entitled.users[1]: expected the name of a user" in told) == (
        2,
        True,
    )
    (tree / "more.yaml").unlink()
    code, _, told = await portcullis("plan", "-f", str(tree))
    assert code == 2 and f"{tree}/people/eve.yaml:3:7: role: expected user, administrator" in told


async def test_every_file_is_checked_before_anything_is_sent(portcullis: Portcullis, tree: Path) -> None:
    (tree / "a.yaml").write_text("kind: user\nname: x\ngroup: [y]\n")
    (tree / "b.json").write_text('{"kind": "application", "name": "x", "command": [5]}')
    (tree / "c.yaml").write_text("kind: application\nname: y\ncommand: [y]\nicon: no/such.png\n")
    code, _, told = await portcullis("apply", "-f", str(tree))
    assert (code, told.splitlines()) == (
        2,
        [
            f"portcullis: {tree}/a.yaml:3:1: group: expected 'groups' instead",
            f"portcullis: {tree}/b.json:1:50: command[0]: expected a program's name or path "
            "(quote it: it is read as int 5)",
        ],
    )
    (tree / "a.yaml").unlink()
    (tree / "b.json").unlink()
    code, _, told = await portcullis("apply", "-f", str(tree))
    assert code == 2 and f"{tree}/c.yaml:4:7: icon: expected a readable file" in told


async def test_a_file_of_applications_is_applied_as_ever(portcullis: Portcullis, tmp_path: Path) -> None:
    file = tmp_path / "editor.yaml"
    file.write_text("kind: application\nname: Notes\ncommand: [mousepad]\n")
    assert await portcullis("apply", "-f", str(file)) == (0, "application Notes: created\n", "")
    assert await portcullis("apply", "-f", str(file)) == (0, "application Notes: unchanged\n", "")


async def test_the_schema_is_printed_without_a_service(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    schema: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert "application" in schema["$defs"]
