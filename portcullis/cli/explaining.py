"""`simulate` and `explain`: what a launch would do, and why one did what it did, step by step."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from portcullis import reasons
from portcullis.cli.output import as_json, cell_text, moment, safe, table, wrapped
from portcullis.errors import InvalidInput
from portcullis.rest.client import Client

Item = dict[str, Any]

REFUSED = 1
_MARKS = {"passed": "ok", "failed": "FAILED", "info": "", "skipped": "skipped"}


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    simulate_parser = commands.add_parser(
        "simulate",
        help="what would happen if somebody launched an application; exit code 1 if it would be refused",
    )
    simulate_parser.add_argument("--user", required=True, help="whose launch it would be")
    simulate_parser.add_argument(
        "--app", required=True, metavar="NAME", help="the application, by name or id"
    )
    simulate_parser.add_argument("--client-ip", metavar="ADDRESS", help="where the browser would be")
    simulate_parser.add_argument(
        "--at", metavar="TIME", help="when: 2026-11-21T14:00 (this machine's time zone), or Unix seconds; now"
    )
    simulate_parser.add_argument(
        "--factor-age",
        metavar="MINUTES",
        help="since the second factor was proven (0); `none` as with an API token",
    )
    simulate_parser.add_argument("--time-zone", metavar="ZONE", help="of the browser")
    simulate_parser.add_argument("--dry-run", action="store_true", help="ask the hosts as well")
    simulate_parser.set_defaults(run=simulate)
    explain_parser = commands.add_parser(
        "explain", help="why a launch went as it did, what it would do now, and what was changed since"
    )
    explain_parser.add_argument("reference", help="the reference that the user was shown")
    explain_parser.set_defaults(run=explain)
    for command in (simulate_parser, explain_parser):
        command.add_argument("--json", action="store_true", help="JSON instead of text")


def simulate(client: Client, arguments: argparse.Namespace) -> int:
    body = {"user": arguments.user, "application": arguments.app, "context": circumstances(arguments)}
    answer = client.post("admin", "simulations", body=body)
    print(as_json(answer) if arguments.json else simulation(answer))
    return REFUSED if answer.get("verdict") == "refused" else 0


def circumstances(arguments: argparse.Namespace) -> Item:
    """Those that were named. Raises InvalidInput."""
    context: Item = {"dry_run": arguments.dry_run}
    if arguments.client_ip is not None:
        context["client_address"] = arguments.client_ip
    if arguments.at is not None:
        context["time"] = parse_time(arguments.at)
    if arguments.factor_age is not None:
        context["factor_age_minutes"] = parse_age(arguments.factor_age)
    if arguments.time_zone is not None:
        context["time_zone"] = arguments.time_zone
    return context


def parse_time(text: str) -> float:
    """Raises InvalidInput."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise InvalidInput("--at", "a time such as 2026-11-21T14:00, or Unix seconds") from None


def parse_age(text: str) -> float | None:
    """Raises InvalidInput."""
    if text == "none":
        return None
    try:
        return float(text)
    except ValueError:
        raise InvalidInput("--factor-age", "a number of minutes, or none") from None


def simulation(answer: Item) -> str:
    """The outcome first, then every step that leads there."""
    lines = [
        f"{safe(answer.get('user'))} launches {safe(answer.get('application'))}: {outcome(answer)}",
        *_steps(answer),
        *_remedy(answer.get("remedy"), ""),
    ]
    return "\n".join(lines)


def outcome(answer: Item) -> str:
    code = f" [{safe(answer.get('code'))}]" if answer.get("code") else ""
    return f"{safe(answer.get('verdict')).upper()}. {safe(answer.get('message'))}{code}"


def explain(client: Client, arguments: argparse.Namespace) -> None:
    trace = client.get("admin", "launches", arguments.reference)
    if arguments.json:
        print(as_json({"remedy": reasons.remedy(str(trace.get("code")), sees_steps=True), **trace}))
    else:
        print(explanation(trace))


def explanation(trace: Item) -> str:
    """The outcome first, then every step that led there, and how it would be now."""
    code = f" [{safe(trace.get('code'))}]" if trace.get("code") else ""
    lines = [
        f"Launch {safe(trace.get('reference'))}, {moment(trace.get('time'))}",
        f"  user         {safe(trace.get('user'))}",
        f"  application  {safe(trace.get('application'))}",
        f"  outcome      {safe(trace.get('message'))}{code}",
        *_circumstances(trace.get("circumstances")),
        *_steps(trace),
        *_remedy(reasons.remedy(str(trace.get("code")), sees_steps=True), safe(trace.get("reference"))),
        *_now(trace.get("now")),
        *_changes(trace.get("changes") or ()),
    ]
    return "\n".join(lines)


def _circumstances(told: Item | None) -> list[str]:
    if not told:
        return []
    age = told.get("factor_age_minutes")
    factor = "none was proven" if age is None else f"proven {float(age):.0f} min before"
    return [
        f"  from         {safe(told.get('client_address') or 'an unknown address')}",
        f"  factor       {factor}",
        *([f"  client       {safe(told['user_agent'])}"] if told.get("user_agent") else []),
    ]


def _steps(answer: Item) -> list[str]:
    rows = [
        (_MARKS.get(step.get("outcome"), ""), step.get("step"), step.get("detail"))
        for step in answer.get("steps", ())
    ]
    return ["", table(("", "STEP", "DETAIL"), rows).replace("\n-", "\n ")] if rows else []


def _remedy(remedy: str | None, reference: str) -> list[str]:
    if remedy is None:
        return []
    return ["", "What to do:", *wrapped(remedy.replace("REFERENCE", reference) if reference else remedy)]


def _now(now: Item | None) -> list[str]:
    return [] if now is None else ["", f"The same launch now: {outcome(now)}"]


def _changes(changes: Sequence[Item]) -> list[str]:
    if not changes:
        return []
    rows = [
        (
            moment(change.get("time")),
            change.get("author"),
            f"{change.get('kind')}:{change.get('name')}",
            "; ".join(map(_field, change.get("fields") or ())) or change.get("action"),
        )
        for change in changes
    ]
    return ["", "What was changed since:", table(("TIME", "BY", "OBJECT", "CHANGE"), rows)]


def _field(change: Item) -> str:
    return f"{safe(change.get('field'))}: {cell_text(change.get('from'))} to {cell_text(change.get('to'))}"
