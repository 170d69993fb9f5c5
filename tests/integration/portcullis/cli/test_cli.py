"""The command as people and scripts start it, against a real server that answers as docs/api.md says."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

LINK = "http://localhost:8080/#/enrol/enrol_x"
TOKEN = f"api_{'0' * 16}_{'a' * 64}"
EDITOR = "kind: application\nname: Text editor\ncommand: [mousepad]\nentitled: {users: [demo]}\n"

LISTS: dict[str, list[dict[str, Any]]] = {
    "applications": [
        {"name": "Text editor", "command": ["mousepad"], "entitled": {"users": ["demo"], "groups": []}}
    ],
    "sessions": [],
    "hosts": [
        {
            "id": "1" * 16,
            "name": "alpha",
            "slots": 20,
            "sessions": 1,
            "online": True,
            "groups": ["gpu", "lab"],
        }
    ],
    "users": [{"name": "demo\x1b[2J", "role": "user", "groups": ["staff"], "state": "factor_off"}],
    "gateways": [{"id": "2" * 16, "name": "gateway", "online": False, "public_origin": "http://localhost:1"}],
    "orphans": [{"host": "alpha", "session": "4" * 16, "tenant": "acme", "state": "active"}],
    "probes": [
        {"application": "Editor", "user": "probe", "every_seconds": 300, "state": "waiting", "last": None},
    ],
    "tokens": [{"id": "3" * 16, "user": {"name": "admin"}, "note": "cli", "created": 0, "expires": 1}],
}


SIMULATIONS = {
    "ann": {"verdict": "launches", "message": "Files starts on h1.", "code": "", "steps": []},
    "ben": {
        "verdict": "refused",
        "message": "No.",
        "code": "not_entitled",
        "remedy": "Name him.",
        "steps": [],
    },
}


def _probe(name: str, every: int = 300) -> dict[str, Any]:
    last = {
        "state": "failed",
        "time": 0,
        "code": "window_timeout",
        "detail": "none\x1b[2J",
        "stages": {"launch": 5.5},
    }
    said = {"application": name, "user": "probe", "every_seconds": every, "state": "failed", "last": last}
    return said | ({} if name == "Broken" else {"state": "waiting", "last": None})


@dataclass
class Service:
    """Records what it is asked; `refusals` are answers by path, given instead."""

    url: str = ""
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    refusals: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    merged: bool = True

    async def handle(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        path = request.path.removeprefix("/api/v1/admin/")
        self.asked.append((request.method, path, await request.json() if request.can_read_body else None))
        if path in self.refusals:
            status, error = self.refusals[path]
            return web.json_response({"error": error}, status=status)
        return self.answer(request.method, path)

    def answer(self, method: str, path: str) -> web.Response:
        kind, _, name = path.partition("/")
        if kind == "probes" and name:
            body = self.asked[-1][2] or {}
            return web.json_response({"probe": _probe(name, body.get("every_seconds", 300))})
        if method == "GET" and path in LISTS:
            return web.json_response({"items": LISTS[path]})
        if method == "PUT" and kind == "hosts":
            return web.json_response({"host": {"name": name, "groups": ["gpu", "lab"]}})
        if method == "PUT":
            return web.json_response({"application": {"name": name}, "outcome": "created"})
        if kind in ("orphans", "panic") or path.endswith("/sign-out"):
            return web.json_response({"merged": self.merged})
        if path == "status":
            return web.json_response({"site": "lab"})
        if method == "DELETE":
            return web.Response(status=204)
        if path in ("users", "users/anna/reset"):
            return web.json_response({"user": {"name": "anna"}, "enrolment": {"link": LINK, "expires": 0}})
        if kind == "users":
            return web.json_response({"user": {"name": "anna"}})
        if path == "join-tokens":
            return web.json_response({"token": "join_x", "expires": 0}, status=201)
        if path == "simulations":
            return web.json_response(SIMULATIONS[self.asked[-1][2]["user"]])
        assert kind == "launches"
        steps = [{"step": "hosts", "outcome": "failed", "detail": "none"}]
        return web.json_response(
            {"reference": name, "code": "no_host", "message": "No host.", "steps": steps}
        )


@pytest_asyncio.fixture
async def service() -> AsyncIterator[Service]:
    made = Service()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@dataclass
class Result:
    code: int | None
    out: str
    err: str


class Command:
    def __init__(self, folder: Path, url: str) -> None:
        self.profile = folder / "profile.json"
        self.profile.write_text(json.dumps({"url": url, "token": TOKEN}))
        self.profile.chmod(0o600)

    async def __call__(self, *words: str, given: str = "") -> Result:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "portcullis.cli", "--profile", str(self.profile), *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        )
        out, err = await process.communicate(given.encode())
        return Result(process.returncode, out.decode(), err.decode())


@pytest.fixture
def command(tmp_path: Path, service: Service) -> Command:
    return Command(tmp_path, service.url)


@pytest.mark.parametrize(("kind", "row"), [
    ("applications", "Text editor  mousepad  demo   -       enabled"),
    ("hosts", f"alpha  online  20     1         -          gpu, lab  {'1' * 16}"),
    ("users", r"demo\x1b[2J  user  staff   factor off"),
    ("gateways", f"gateway  offline  http://localhost:1  {'2' * 16}"),
    ("tokens", f"{'3' * 16}  admin  cli "),
])  # fmt: skip
async def test_lists_are_tables(command: Command, kind: str, row: str) -> None:
    result = await command("get", kind)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[1].startswith(row)


async def test_a_host_is_put_into_groups(command: Command, service: Service) -> None:
    result = await command("host", "set", "alpha", "--groups", "gpu, lab")
    assert (result.code, result.out) == (0, "host alpha: groups gpu, lab\n")
    await command("host", "set", "alpha", "--groups", "")
    asked = [body for method, path, body in service.asked if (method, path) == ("PUT", "hosts/alpha")]
    assert asked == [{"groups": ["gpu", "lab"]}, {"groups": []}]


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("user", "sign-out", "anna"), ("POST", "users/anna/sign-out", {})),
        (("session", "end-orphan", "alpha", "4" * 16), ("DELETE", f"orphans/alpha/{'4' * 16}", None)),
        (("panic", "--yes"), ("POST", "panic", {"confirm": "lab", "api_tokens": False})),
        (("panic", "--yes", "--api-tokens"), ("POST", "panic", {"confirm": "lab", "api_tokens": True})),
    ],
)
async def test_what_takes_rights_back_says_whether_it_is_written(
    command: Command, service: Service, words: tuple[str, ...], asked: tuple[str, str, Any]
) -> None:
    done = await command(*words)
    service.merged = False
    later = await command(*words)
    assert service.asked[-1] == asked
    assert (done.code, done.err) == (0, "")
    assert later.code == 0 and "written when the grid is back" in later.err


@pytest.mark.parametrize(("typed", "happens"), [("lab\n", True), ("yes\n", False), ("", False)])
async def test_a_panic_wants_the_name_of_the_site(
    command: Command, service: Service, typed: str, happens: bool
) -> None:
    result = await command("panic", given=typed)
    assert (result.code == 0, any(path == "panic" for _, path, _ in service.asked)) == (happens, happens)
    assert ("[not_confirmed]" in result.err) is not happens


async def test_an_empty_list_says_so(command: Command) -> None:
    assert (await command("get", "sessions")).out == "There are no sessions.\n"


@pytest.mark.parametrize("kind", sorted(LISTS))
async def test_every_list_is_json_on_demand(command: Command, kind: str) -> None:
    assert json.loads((await command("get", kind, "--json")).out) == LISTS[kind]


async def test_documents_are_applied_in_their_order(
    command: Command, service: Service, tmp_path: Path
) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(f"{EDITOR}---\n{EDITOR.replace('Text editor', 'a b')}icon: none\n")
    result = await command("apply", "-f", str(file))
    assert result.out == "application Text editor: created\napplication a b: created\n"
    assert [(method, path) for method, path, _ in service.asked] == [
        ("PUT", "applications/Text editor"),
        ("PUT", "applications/a b"),
    ]
    body = {
        "command": ["mousepad"],
        "environment": {},
        "entitled": {"users": ["demo"], "groups": []},
        "disabled": False,
    }
    assert [body for *_, body in service.asked] == [body, {**body, "icon": None}]


async def test_an_icon_travels_with_its_document(command: Command, service: Service, tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text(EDITOR + "icon: ./a.svg\n")
    (tmp_path / "a.svg").write_text("<svg/>")
    assert (await command("apply", "-f", str(tmp_path / "app.yaml"))).code == 0
    assert service.asked[0][2]["icon"] == {"content_type": "image/svg+xml", "data": "PHN2Zy8+"}


@pytest.mark.parametrize(
    "wrong", ["kind: x\n", EDITOR.replace("Text", "My") + "icon: ./gone.png\n", "a: [\n", EDITOR]
)
async def test_nothing_is_applied_if_any_document_is_malformed(
    command: Command, service: Service, wrong: str
) -> None:
    result = await command("apply", "-f", "-", given=f"{EDITOR}---\n{wrong}")
    assert (result.code, result.out, service.asked) == (2, "", [])
    assert result.err.startswith("portcullis: standard input:")


async def test_what_the_service_finds_is_placed_in_the_file(command: Command, service: Service) -> None:
    service.refusals["applications/Text editor"] = (
        422,
        {
            "code": "invalid_field",
            "message": "x",
            "field": "entitled.users[0]",
            "expected": "an existing user",
        },
    )
    result = await command("apply", "-f", "-", given=f"\n\n{EDITOR}")
    assert result.code == 1
    assert result.err == (
        "portcullis: standard input:6:20: entitled.users[0]: expected an existing user [invalid_field]\n"
    )


async def test_what_apply_made_of_a_file_is_taken_away(command: Command, service: Service) -> None:
    """Only kind and name matter: what else is wrong in the file keeps nobody from deleting."""
    result = await command(
        "delete", "-f", "-", given=f"{EDITOR}---\nkind: application\nname: b\ncommand: 5\n"
    )
    assert (result.code, result.out) == (0, "application Text editor: deleted\napplication b: deleted\n")
    assert [path for _, path, _ in service.asked] == ["applications/Text editor", "applications/b"]


async def test_deleting_what_is_not_there_is_an_error_at_the_end(command: Command, service: Service) -> None:
    service.refusals["applications/gone"] = (404, {"code": "not_found", "message": "x"})
    result = await command("delete", "application", "gone", "b", "gone")
    assert (result.code, result.out) == (1, "application gone: absent\napplication b: deleted\n")
    assert result.err == "portcullis: There is no application 'gone'. [not_found]\n"


async def test_deleting_what_is_not_there_may_be_fine(command: Command, service: Service) -> None:
    service.refusals["applications/gone"] = (404, {"code": "not_found", "message": "x"})
    result = await command("delete", "application", "gone", "--ignore-not-found", "--json")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out) == [{"kind": "application", "name": "gone", "outcome": "absent"}]


@pytest.mark.parametrize(
    "words", [("delete",), ("delete", "application"), ("delete", "application", "a", "-f", "-")]
)
async def test_delete_wants_names_or_a_file(
    command: Command, service: Service, words: tuple[str, ...]
) -> None:
    result = await command(*words)
    assert (result.code, service.asked) == (2, [])
    assert "either `application NAME` or `-f FILE`" in result.err


async def test_a_refusal_comes_with_what_to_do(command: Command, service: Service) -> None:
    service.refusals["launches/L-1"] = (404, {"code": "reference_unknown", "message": "No launch."})
    result = await command("explain", "L-1")
    assert result.code == 1
    assert result.err.startswith(
        "portcullis: No launch. [reference_unknown]\nportcullis:   Traces are kept for 24 hours"
    )


async def test_an_explanation_ends_with_what_to_do(command: Command) -> None:
    result = await command("explain", "L-1")
    _, _, remedy = result.out.partition("What to do:\n  ")
    assert "`portcullis host join-token`" in remedy
    assert "explain" not in remedy  # that is what one reads


async def test_a_missing_file_is_named(command: Command) -> None:
    result = await command("apply", "-f", "/no/such.yaml")
    assert (result.code, result.err) == (2, "portcullis: /no/such.yaml: No such file or directory\n")


async def test_a_new_users_link_is_all_of_standard_output(command: Command, service: Service) -> None:
    result = await command("user", "add", "anna", "--group", "staff", "--group", "x y", "--administrator")
    assert service.asked == [
        ("POST", "users", {"name": "anna", "groups": ["staff", "x y"], "role": "administrator"})
    ]
    assert result.out == f"{LINK}\n"
    assert "anna" in result.err
    as_json = await command("user", "add", "anna", "--json")
    assert json.loads(as_json.out)["enrolment"]["link"] == LINK


@pytest.mark.parametrize("act", ["reset", "disable", "enable"])
async def test_an_account_is_changed_by_name(command: Command, service: Service, act: str) -> None:
    result = await command("user", act, "anna")
    assert service.asked == [("POST", f"users/anna/{act}", {})]
    assert result.out == (f"{LINK}\n" if act == "reset" else f"user anna: {act}d\n")


async def test_a_user_is_deleted_by_name(command: Command, service: Service) -> None:
    assert (await command("user", "delete", "anna")).out == "user anna: deleted\n"
    assert service.asked == [("DELETE", "users/anna", None)]


@pytest.mark.parametrize("act", ["reset", "disable"])
async def test_the_help_says_what_becomes_of_logins(command: Command, act: str) -> None:
    assert "logins are cut" in " ".join((await command("user", act, "--help")).out.split())


async def test_a_join_token_is_all_of_standard_output(command: Command, service: Service) -> None:
    result = await command("host", "join-token", "--name", "beta")
    assert result.out == "join_x\n"
    assert service.asked == [("POST", "join-tokens", {"role": "host", "name": "beta"})]


async def test_sessions_and_tokens_are_ended_by_id(command: Command, service: Service) -> None:
    assert (await command("session", "logoff", "abc")).code == 0
    assert (await command("token", "revoke", "def")).code == 0
    assert [(method, path) for method, path, _ in service.asked] == [
        ("DELETE", "sessions/abc"),
        ("DELETE", "tokens/def"),
    ]


async def test_a_launch_is_explained(command: Command) -> None:
    result = await command("explain", "7f3a")
    assert "No host. [no_host]" in result.out
    assert "FAILED  hosts  none" in result.out
    assert json.loads((await command("explain", "7f3a", "--json")).out)["reference"] == "7f3a"


async def test_a_refusal_is_said_with_code_and_reference(command: Command, service: Service) -> None:
    service.refusals["sessions/abc"] = (
        404,
        {"code": "session_unknown", "message": "Gone.", "reference": "7f3a"},
    )
    result = await command("session", "logoff", "abc")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("portcullis: Gone. [session_unknown] (reference 7f3a)\nportcullis:   ")


async def test_a_field_that_the_service_refuses_is_malformed_input(
    command: Command, service: Service
) -> None:
    service.refusals["users"] = (
        422,
        {"code": "invalid_field", "message": "x", "field": "name", "expected": "a name"},
    )
    result = await command("user", "add", " ")
    assert (result.code, result.err) == (2, "portcullis: name: expected a name [invalid_field]\n")


async def test_a_service_that_is_away_has_its_own_exit_code(command: Command, service: Service) -> None:
    service.refusals["hosts"] = (503, {"code": "broker_unreachable", "message": "No broker answers."})
    assert (await command("get", "hosts")).code == 4


async def test_a_profile_that_others_can_read_is_refused(command: Command, service: Service) -> None:
    command.profile.chmod(0o644)
    result = await command("get", "hosts")
    assert (result.code, service.asked) == (3, [])
    assert "chmod 600" in result.err
    assert TOKEN not in result.err


@pytest.mark.parametrize(
    "words", [(), ("get",), ("get", "secrets"), ("apply",), ("user", "add"), ("session",), ("--x",)]
)
async def test_wrong_usage_is_exit_code_2(command: Command, service: Service, words: tuple[str, ...]) -> None:
    result = await command(*words)
    assert (result.code, service.asked) == (2, [])
    assert "usage: portcullis" in result.err


async def test_help_names_the_exit_codes(command: Command) -> None:
    assert "exit codes:" in (await command("--help")).out


async def test_a_simulation_asks_with_the_circumstances_and_its_exit_code_tells_the_verdict(
    service: Service, command: Command
) -> None:
    words = ("--client-ip", "10.1.2.3", "--at", "1763985600", "--factor-age", "none", "--dry-run")
    launches = await command("simulate", "--user", "ann", "--app", "Files", *words)
    refused = await command("simulate", "--user", "ben", "--app", "Files")
    assert (launches.code, refused.code) == (0, 1)
    assert "LAUNCHES. Files starts on h1." in launches.out
    assert "REFUSED. No. [not_entitled]" in refused.out and "Name him." in refused.out
    assert [body["context"] for _, _, body in service.asked] == [
        {"dry_run": True, "client_address": "10.1.2.3", "time": 1763985600.0, "factor_age_minutes": None},
        {"dry_run": False},
    ]
    as_json = await command("simulate", "--user", "ben", "--app", "Files", "--json")
    assert (as_json.code, json.loads(as_json.out)) == (1, SIMULATIONS["ben"])


@pytest.mark.parametrize("words", [("--at", "noon"), ("--factor-age", "soon")])
async def test_circumstances_that_cannot_be_read_are_refused_before_anybody_is_asked(
    service: Service, command: Command, words: tuple[str, str]
) -> None:
    result = await command("simulate", "--user", "ann", "--app", "Files", *words)
    assert (result.code, service.asked) == (2, []) and words[0] in result.err


async def test_a_probe_is_set_shown_and_taken_away(service: Service, command: Command) -> None:
    made = await command("probe", "set", "Editor", "--user", "probe", "--every", "60")
    failing = await command("probe", "get", "Broken")
    gone = await command("probe", "delete", "Editor")
    assert [(method, path, body) for method, path, body in service.asked] == [
        ("PUT", "probes/Editor", {"user": "probe", "every_seconds": 60}),
        ("GET", "probes/Broken", None),
        ("DELETE", "probes/Editor", None),
    ]
    assert (made.code, failing.code, gone.code) == (0, 1, 0)
    assert "every 60 s" in made.out and "launch 5.5 ms" in failing.out
    assert "[window_timeout]" in failing.out and "\x1b" not in failing.out
    assert "--window-seconds" in failing.out, "what to do"
