"""What a plan must not do: name roles that are not there, nest groups in a circle, give rights that the caller lacks,
leave the tenant without an administrator. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from broker.configuration.access import group_of
from broker.configuration.changes import Change
from broker.configuration.objects import Held, State
from broker.configuration.wanted import DocumentFinding, Wanted
from portcullis.errors import Refused
from portcullis.model.group import cycle_through
from portcullis.model.roles import BUILT_IN_ROLES, PERMISSIONS, TENANT_PERMISSIONS

PERMISSION_OF_KIND = {
    "tenant": "tenant.write",
    "role": "roles.write",
    "group": "groups.write",
    "user": "users.write",
    "host-group": "hosts.write",
    "application": "applications.write",
    "entitlement": "applications.write",
    "policy": "policies.write",
}


@dataclass(frozen=True, slots=True)
class Powers:
    """What the caller may do: nobody gives more than they have."""

    permissions: frozenset[str]
    others_run_platform: bool = False
    """Platform administrators are in other tenants, too."""
    reads: frozenset[str] | None = None
    """Of who only looks what would happen, and never applies it: what they hold, `permissions` being those of whoever
    will apply. None: who asks may apply.
    """

    def may(self, permission: str) -> bool:
        return permission in self.permissions


def check(found: Wanted, after: State, changes: Iterable[Change], powers: Powers) -> list[DocumentFinding]:
    """Raises Refused: not_permitted, last_administrator, last_platform_administrator."""
    findings: list[DocumentFinding] = []
    for change in changes:
        _check_permission(change, powers)
        _check_covered(change, found.state, powers)
        for path, expected in _wrong(change, after, powers):
            findings.append(DocumentFinding(_place(change, path), expected))
    _check_administrators(found.state, after, powers)
    return findings


def _place(change: Change, path: str) -> str:
    where = f"{change.kind} {change.name}" if change.document is None else f"documents[{change.document}]"
    return f"{where}.{path}" if path else where


def _check_permission(change: Change, powers: Powers) -> None:
    needed = PERMISSION_OF_KIND[change.kind]
    if powers.reads is not None:
        needed = needed.replace(".write", ".read")
    if needed not in (powers.permissions if powers.reads is None else powers.reads):
        raise Refused("not_permitted", f"{change.action} {change.kind} {change.name}: this needs {needed}.")


def _check_covered(change: Change, before: State, powers: Powers) -> None:
    """Nobody changes a role or a user who may do more than they."""
    held = change.before
    if held is None:
        return
    if change.kind == "user":
        may = frozenset(PERMISSIONS) if held.is_platform else permissions_of(held.fields["role"], before)
    elif change.kind == "role":
        may = permissions_of(held.name, before)
    else:
        return
    if not (may or frozenset()) <= powers.permissions:
        raise Refused("not_permitted", f"{change.kind} {change.name} may do more than you.")


def _wrong(change: Change, after: State, powers: Powers) -> Iterator[tuple[str, str]]:
    held = change.after
    if change.kind == "role":
        yield from _wrong_role(change, after, powers)
    elif held is None:
        return
    elif change.kind == "user":
        yield from _wrong_role_of_user(change, held, after, powers)
    elif change.kind == "group":
        others = {name: group_of(group) for name, group in after.of("group").items()}
        way = cycle_through(group_of(held), others)
        if way is not None:
            yield "members.groups", f"groups that do not contain each other ({' > '.join(way[:8])})"
    elif change.kind == "host-group":
        yield from _wrong_hosts(change, held, after, powers)
    elif change.kind == "tenant" and not powers.may("platform.tenants.write"):
        before = change.before.fields["quotas"] if change.before else None
        if held.fields["quotas"] != before:
            yield "quotas", "the quotas that the platform administrator set"


def _wrong_role(change: Change, after: State, powers: Powers) -> Iterator[tuple[str, str]]:
    held = change.after
    if held is None:
        users = [user.name for user in after.of("user").values() if user.fields["role"] == change.name]
        if users:
            yield "", f"no user to have the role ({users[0]} has it)"
        return
    if held.name in BUILT_IN_ROLES:
        yield "name", "another name than that of a built-in role"
    lacking = [permission for permission in held.fields["permissions"] if not powers.may(permission)]
    if lacking:
        yield "permissions", f"permissions that you have ({', '.join(lacking[:8])}: you have not)"


def _wrong_role_of_user(
    change: Change, held: Held, after: State, powers: Powers
) -> Iterator[tuple[str, str]]:
    role: str = held.fields["role"]
    if change.before is not None and change.before.fields["role"] == role:
        return
    permissions = permissions_of(role, after)
    if permissions is None:
        yield "role", f"{', '.join(BUILT_IN_ROLES)}, or a role that is there, or in these documents"
    elif not permissions <= powers.permissions:
        yield "role", "a role that may do no more than you"


def permissions_of(role: str, state: State) -> frozenset[str] | None:
    if role in BUILT_IN_ROLES:
        return BUILT_IN_ROLES[role]
    held = state.find("role", role)
    return None if held is None else frozenset(held.fields["permissions"]) & TENANT_PERMISSIONS


def _wrong_hosts(change: Change, held: Held, after: State, powers: Powers) -> Iterator[tuple[str, str]]:
    """What other tenants see changes only with their platform administrator."""
    if powers.may("platform.hosts.write"):
        return
    before = set(change.before.fields["hosts"]) if change.before else set()
    for name in held.fields["hosts"]:
        host = after.hosts.get(name)
        if host is not None and host.is_shared and name not in before:
            yield "hosts", f"hosts that no other tenant uses ({name} is shared)"
    for name in sorted(before - set(held.fields["hosts"])):
        host = after.hosts.get(name)
        if host is not None and host.is_shared:
            yield "hosts", f"{name} as well: other tenants use it, so it stays as it is"


def _check_administrators(before: State, after: State, powers: Powers) -> None:
    if _lost(_is_administrator, before, after):
        raise Refused("last_administrator")
    if not powers.others_run_platform and _lost(_runs_platform, before, after):
        raise Refused("last_platform_administrator")


def _lost(counts: Callable[[Held], bool], before: State, after: State) -> bool:
    """The last of those who count goes."""
    return any(map(counts, before.of("user").values())) and not any(map(counts, after.of("user").values()))


def _is_administrator(held: Held) -> bool:
    return held.enrolled and held.fields["role"] == "administrator" and not held.fields["disabled"]


def _runs_platform(held: Held) -> bool:
    return held.enrolled and held.is_platform and not held.fields["disabled"]
