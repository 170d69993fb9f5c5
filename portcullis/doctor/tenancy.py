"""Checks: what the API tells of hosts, gateways, users, tokens and clocks. They work from anywhere."""

from __future__ import annotations

from collections.abc import Iterable

from portcullis.doctor.finding import Finding, notice, ok, problem, unseen, warning
from portcullis.doctor.site import Item, Site
from portcullis.reasons import remedy

DAY = 86400.0
SKEW_WARNING, SKEW_PROBLEM = 5.0, 30.0
"""Signatures of browsers are good for 60 s to either side of the broker's clock."""
LONGEST_TOKEN_DAYS = 90
SOON_DAYS = 7


def api(site: Site) -> Iterable[Finding]:
    if site.trouble is None:
        yield ok("api", f"{site.url} answers")
    elif not site.lists:
        what = f"the API cannot be asked: {site.trouble} [{site.code}]"
        yield problem("api", what, remedy(site.code or "") or "Look at gateway and broker.")
    else:
        what = f"the API refuses a part of what is asked: {site.trouble} [{site.code}]"
        yield unseen("api", what, "Use the token of an administrator.")


def clock(site: Site) -> Iterable[Finding]:
    if site.skew_seconds is None:
        return
    skew = abs(site.skew_seconds)
    where = "ahead of" if site.skew_seconds > 0 else "behind"
    what = f"this machine's clock is {skew:.1f} s {where} the broker's"
    sync = "Synchronise the clocks of all machines (systemd-timesyncd, chrony)."
    if skew > SKEW_PROBLEM:
        yield problem("clock", what, sync)
    elif skew > SKEW_WARNING:
        yield warning("clock", what, sync)
    else:
        yield ok("clock", "the clock agrees with the broker's")


def hosts(site: Site) -> Iterable[Finding]:
    yield from _machines(site, "hosts", "host", "no session can start")


def gateways(site: Site) -> Iterable[Finding]:
    yield from _machines(site, "gateways", "gateway", "no browser can connect")


def _machines(site: Site, kind: str, word: str, effect: str) -> Iterable[Finding]:
    if kind not in site.lists:
        return
    there = [item for item in site.items(kind) if not item.get("revoked")]
    offline = [item for item in there if not item.get("online")]
    logs = f"Look at the log of the {word} on that machine; `portcullis doctor` there says more."
    if not there:
        yield problem(kind, f"there is no {word}: {effect}", f"`portcullis {word} join-token` enrols one.")
    elif len(offline) == len(there):
        yield problem(kind, f"no {word} is online: {effect}", logs)
    else:
        for item in offline:
            yield warning(kind, f"the {word} {item.get('name')!r} is offline", logs)
        yield ok(kind, f"{len(there) - len(offline)} of {len(there)} {kind} online")


def places(site: Site) -> Iterable[Finding]:
    online = [item for item in site.items("hosts") if item.get("online") and not item.get("revoked")]
    total = sum(int(item.get("slots", 0)) for item in online)
    taken = sum(int(item.get("sessions", 0)) for item in online)
    if total and taken >= total:
        what = f"all {total} places for sessions are taken: the next launch is refused"
        yield warning(
            "places", what, "End sessions that nobody uses, raise --slots of an agent, or add a host."
        )


def users(site: Site) -> Iterable[Finding]:
    there = site.items("users")
    for user in there:
        if user.get("state") == "factor_off":
            what = f"{user.get('name')!r} has no second factor any more: too many wrong codes turned it off"
            yield warning(
                "users", what, f"`portcullis user reset {user.get('name')}` lets them set it up again."
            )
    stale = [str(user.get("name")) for user in there if user.get("state") == "invitation_expired"]
    if stale:
        what = f"never enrolled, and the link has expired: {', '.join(stale)}"
        yield notice(
            "users",
            what,
            "`portcullis user reset NAME` makes a new link, `portcullis user delete NAME` ends it.",
        )
    administrators = [
        user for user in there if user.get("role") == "administrator" and not user.get("disabled")
    ]
    if there and not administrators:
        yield warning(
            "users",
            "no administrator can sign in",
            "`portcullis-broker recover-admin` on the broker's machine.",
        )


def first_passwords(site: Site) -> Iterable[Finding]:
    for name in site.facts.get("first_passwords", ()):
        what = f"{name!r} still has the password that the first start made, and that stands in a file"
        yield warning(
            "first_passwords", what, f"`portcullis user reset {name}`, and choose another by the link."
        )


def tokens(site: Site) -> Iterable[Finding]:
    there = site.items("tokens")
    for token in there:
        yield from _token(token, site.now)
    if there:
        yield ok("tokens", f"{len(there)} API tokens looked at")


def _token(token: Item, now: float) -> Iterable[Finding]:
    name = f"the API token {token.get('id')} ({token.get('note') or 'no note'})"
    revoke = f"`portcullis token revoke {token.get('id')}` if nobody needs it."
    expires = token.get("expires")
    if not isinstance(expires, (int, float)):
        yield warning("tokens", f"{name} never expires", revoke)
    elif expires - float(token.get("created") or now) > LONGEST_TOKEN_DAYS * DAY + 60:
        yield warning("tokens", f"{name} is good for more than {LONGEST_TOKEN_DAYS} days", revoke)
    elif expires - now < SOON_DAYS * DAY:
        days = max(0.0, (expires - now) / DAY)
        yield notice(
            "tokens", f"{name} expires in {days:.1f} days", "Whoever uses it needs a new one before that."
        )


def join_tokens(site: Site) -> Iterable[Finding]:
    there = [token for token in site.facts.get("join_tokens", ()) if token.get("expires", 0) > site.now]
    if there:
        roles = ", ".join(sorted({str(token.get("role")) for token in there}))
        hours = (max(float(token["expires"]) for token in there) - site.now) / 3600
        what = f"{len(there)} join tokens are good yet ({roles}), for up to {hours:.1f} hours"
        yield notice("join_tokens", what, "Whoever has one can enrol a machine. They end by themselves.")


def isolation(site: Site) -> Iterable[Finding]:
    for host in site.items("hosts"):
        if host.get("isolation") == "none":
            what = f"the host {host.get('name')!r} runs all sessions under one account: no wall stands between users"
            yield warning(
                "isolation", what, "For more than a trial run the agent as root (docs/unprivileged.md)."
            )
