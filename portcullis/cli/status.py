"""`portcullis status` and `portcullis drain`: how the site is, what to do, and taking a part out of service."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from portcullis.cli.output import as_json, safe, table, width
from portcullis.errors import Refused
from portcullis.rest.client import Client

Item = dict[str, Any]

WIDTH = 80
POLL_SECONDS = 1.0
DRAIN_SECONDS = 600.0
_MARKS = {"error": "✗", "warning": "!", "notice": "·"}
_COLOURS = {"error": "31", "warning": "33", "notice": "36", "ok": "32"}


def status(client: Client, arguments: argparse.Namespace) -> int:
    """The exit code: 1 when something is to be put right."""
    answer = client.get("admin", "status")
    print(as_json(answer) if arguments.json else page(answer, paint=_is_terminal()))
    return int(any(finding.get("severity") == "error" for finding in answer.get("findings", ())))


def drain(client: Client, arguments: argparse.Namespace) -> None:
    kind, name = arguments.kind, arguments.name
    answer = client.post("admin", kind + "s", name, "drain", body={"draining": not arguments.undo})
    if arguments.json and not arguments.wait:
        print(as_json(answer))
        return
    name = safe(answer.get("name", name))
    print(f"{kind} {name}: " + ("takes work again" if arguments.undo else "drains"))
    if arguments.wait and not arguments.undo:
        _wait(client, kind, str(answer.get("name", name)))


def _wait(client: Client, kind: str, name: str) -> None:
    """Until nothing is left there. Raises Refused when that takes too long."""
    deadline, told = time.monotonic() + DRAIN_SECONDS, None
    while time.monotonic() < deadline:
        left = _left(client.get("admin", "status"), kind, name)
        if left == 0:
            print(f"{kind} {safe(name)}: nothing is left, it can be stopped")
            return
        if left != told:
            print(f"{kind} {safe(name)}: {left} {_LEFT[kind][1]} left")
            told = left
        time.sleep(POLL_SECONDS)
    raise Refused("unavailable", f"{kind} {name} still has {told} {_LEFT[kind][1]}.")


_LEFT = {"host": ("sessions", "sessions"), "gateway": ("streams", "streams"), "broker": ("hosts", "hosts")}


def _left(answer: Item, kind: str, name: str) -> int:
    """A part that is not there any more has nothing left."""
    for item in answer.get(kind + "s", ()):
        if item.get("name") == name and item.get("state") not in ("gone", "silent"):
            return int(item.get(_LEFT[kind][0]) or 0)
    return 0


def page(answer: Item, *, paint: bool = False) -> str:
    """For a terminal of 80 columns: the verdict, one block a kind of part, then what is wrong."""
    findings = answer.get("findings", [])
    blocks = [_head(answer, findings, paint), _findings(findings, paint), _grid(answer), _brokers(answer)]
    blocks += [_gateways(answer), _hosts(answer), _probes(answer)]
    return "\n\n".join(block for block in blocks if block)


def _head(answer: Item, findings: list[Item], paint: bool) -> str:
    errors = sum(finding.get("severity") == "error" for finding in findings)
    warnings = sum(finding.get("severity") == "warning" for finding in findings)
    if errors:
        verdict = _painted("error", f"{errors} thing{'s' * (errors > 1)} to put right", paint)
    elif warnings:
        verdict = _painted("warning", f"works, {warnings} thing{'s' * (warnings > 1)} to look at", paint)
    else:
        verdict = _painted("ok", "all is well", paint)
    site, version, revision = (safe(answer.get(name)) for name in ("site", "version", "revision"))
    return f"{site}: {verdict}   (Portcullis {version}, revision {revision})"


def _findings(findings: list[Item], paint: bool) -> str:
    """The remedy of several alike is said once, under the last of them."""
    codes = [finding.get("code") for finding in findings]
    return "\n".join(
        _finding(finding, paint, finding.get("code") not in codes[index + 1 :])
        for index, finding in enumerate(findings)
    )


def _finding(finding: Item, paint: bool, with_remedy: bool) -> str:
    severity = str(finding.get("severity"))
    mark = _painted(severity, _MARKS.get(severity, "?"), paint)
    first, *rest = _lines(f"{safe(finding.get('what'))} [{safe(finding.get('code'))}]", WIDTH - 2)
    lines = [f"{mark} {first}", *(f"  {line}" for line in rest)]
    if with_remedy and severity != "notice":
        lines += [f"  {line}" for line in _lines("→ " + safe(finding.get("remedy")), WIDTH - 2)]
    return "\n".join(lines)


def _lines(text: str, columns: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and width(lines[-1]) + 1 + width(word) > columns:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _grid(answer: Item) -> str:
    grid = answer.get("grid", {})
    rows = [
        (
            _short(member.get("name") or member.get("endpoint")),
            _member_state(member),
            member.get("version"),
            _size(member.get("database_bytes")),
            _behind(member.get("lag")),
        )
        for member in grid.get("members", ())
    ]
    if not rows:
        return "GRID  no member can be asked"
    return table(("GRID", "STATE", "VERSION", "SIZE", "LAG"), rows)


def _member_state(member: Item) -> str:
    if not member.get("healthy"):
        return "no leader" if member.get("version") else "down"
    alarms = ", ".join(map(str, member.get("alarms", ())))
    return alarms or ("leader" if member.get("is_leader") else "follower")


def _brokers(answer: Item) -> str:
    rows = [
        (
            _short(broker.get("name")) + (" *" if broker.get("here") else ""),
            "degraded" if broker.get("degraded") else broker.get("state"),
            broker.get("version"),
            _share(broker.get("load")),
            _broker_lag(broker),
            "" if broker.get("state") in ("gone", "silent") else broker.get("hosts"),
        )
        for broker in answer.get("brokers", ())
    ]
    return table(("BROKER", "STATE", "VERSION", "LOAD", "LAG", "HOSTS"), rows)


def _broker_lag(broker: Item) -> str:
    if broker.get("state") in ("gone", "silent"):
        return ""
    seconds = float(broker.get("lag_seconds") or 0)
    return f"{broker.get('lag_revisions')} ({seconds:.0f} s)" if seconds >= 1 else "0"


def _gateways(answer: Item) -> str:
    rows = [
        (
            _short(one.get("name")),
            one.get("state"),
            _share(one.get("load")),
            one.get("streams"),
            _short(one.get("public_origin"), 31),
        )
        for one in answer.get("gateways", ())
    ]
    return table(("GATEWAY", "STATE", "LOAD", "STREAMS", "ADDRESS"), rows) if rows else ""


def _hosts(answer: Item) -> str:
    rows = [
        (
            _short(host.get("name"), 16),
            host.get("state"),
            host.get("version"),
            _share(host.get("load")),
            f"{host.get('sessions')}/{host.get('slots')}",
            _size(host.get("memory_available_bytes")),
            _short(host.get("broker"), 12),
        )
        for host in answer.get("hosts", ())
    ]
    return table(("HOST", "STATE", "VERSION", "LOAD", "SESSIONS", "MEMORY", "BROKER"), rows) if rows else ""


def _probes(answer: Item) -> str:
    columns = ("ok", "failed", "skipped", "waiting", "late")
    rows = [
        (_short(one.get("tenant")), *(one.get("states", {}).get(state, 0) for state in columns))
        for one in answer.get("probes", ())
    ]
    return table(("PROBES", *(column.upper() for column in columns)), rows) if rows else ""


def _short(value: object, longest: int = 20) -> str:
    text = safe(value or "")
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _share(load: object) -> str:
    return f"{load * 100:.0f} %" if isinstance(load, (int, float)) else ""


def _size(value: object) -> str:
    if not isinstance(value, (int, float)) or value <= 0:
        return ""
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def _behind(lag: object) -> str:
    return "" if not isinstance(lag, int) else str(lag)


def _painted(severity: str, text: str, paint: bool) -> str:
    return f"\033[{_COLOURS.get(severity, '0')}m{text}\033[0m" if paint else text


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    show = commands.add_parser("status", help="how the site is, what is wrong with it and what to do")
    show.set_defaults(run=status)
    away = commands.add_parser("drain", help="take a part out of service without anybody noticing")
    away.add_argument("kind", choices=("broker", "gateway", "host"), help="what it is")
    away.add_argument("name", metavar="NAME", help="as `portcullis status` shows it")
    away.add_argument("--undo", action="store_true", help="let it take work again")
    away.add_argument("--wait", action="store_true", help="until nothing is left there")
    away.set_defaults(run=drain)
    for command in (show, away):
        command.add_argument("--json", action="store_true", help="JSON instead of text")
