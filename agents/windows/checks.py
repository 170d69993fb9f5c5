"""What of this Windows host would keep an application from starting now. Looks, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agents.windows import programs
from agents.windows.interactive import Places
from portcullis.errors import PortcullisError
from portcullis.protocol.checks import Check, CheckResult

Look = Callable[[], CheckResult]


def looks(check: Check, places: Places) -> dict[str, Look]:
    """By what they look at."""
    return {"account": lambda: account(places), "command": lambda: command(check)}


def account(places: Places) -> CheckResult:
    """Whose it is: sessions run in the account of whoever is signed in to Windows."""
    try:
        place = places.find()
    except PortcullisError as exc:
        return CheckResult("account", "failed", exc.message, exc.code)
    detail = f"it would run as {place.user}, who is signed in to Windows there"
    return CheckResult("account", "passed", detail)


def command(check: Check, is_file: Callable[[str], bool] = lambda path: Path(path).is_file()) -> CheckResult:
    """As the system sees it: what lies in the user's own folders, or in a PATH of theirs, is not looked at."""
    if not check.command:
        detail = "a Windows host runs programs of its own alone"
        return CheckResult("command", "failed", detail, "application_missing")
    environment = programs.with_application(_environment(), check.environment)
    try:
        program = programs.program(check.command, environment, is_file)
    except ValueError as exc:
        return CheckResult("command", "failed", str(exc), "application_missing")
    except FileNotFoundError as exc:
        if programs.may_be_the_users(check.command[0]):
            return CheckResult("command", "skipped", f"{exc} by the system; the user may have it")
        return CheckResult("command", "failed", str(exc), "application_missing")
    return CheckResult("command", "passed", f"{program.file} is there")


def _environment() -> dict[str, str]:
    import win32profile

    return dict(win32profile.GetEnvironmentStrings())
