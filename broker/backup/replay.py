"""Nothing that was revoked comes back: what a journal makes of the records of a backup. Pure.

`Records` is a picture of the records to be, opened. `replay` changes it and counts what it changed. What only ever
goes one way (a used recovery code, a revoked token, a deleted user, a void password) is replayed from the whole
journal; what may have been taken back before the backup (a disabled user, a revoked machine) only from the time after
it.

Everything else that was good for once is void, journal or not: verification codes up to the step of the restore, and
enrolment links, whose records are never in a backup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from broker.backup.archive import BackupInfo
from broker.backup.journal import Entry, Journal, credential_digest, since
from broker.grid.keys import SITE, Path
from broker.identity.lockout import Attempts
from broker.identity.totp import TOLERATED_STEPS, step_at

CLOCK_MARGIN_SECONDS = 300.0

Place = tuple[str, Path]


@dataclass(slots=True)
class Replayed:
    """How many records each kind of revocation changed, for whom runs the restore."""

    users_deleted: int = 0
    users_disabled: int = 0
    credentials_voided: int = 0
    tokens_revoked: int = 0
    recovery_codes_used: int = 0
    machines_revoked: int = 0
    grant_keys_retired: int = 0
    tenants_deleted: int = 0
    everything: bool = False
    epoch: int = 0
    """Of the site from now on: above every one that the backup or a journal names."""


class Records:
    """Opened values by place; `changed` holds those that differ from the backup, None where it is gone."""

    def __init__(self, values: dict[Place, dict[str, Any]]) -> None:
        self._values = values
        self.changed: dict[Place, dict[str, Any] | None] = {}

    def get(self, scope: str, *path: str) -> dict[str, Any] | None:
        place = (scope, path)
        return self.changed[place] if place in self.changed else self._values.get(place)

    def put(self, scope: str, path: Path, value: dict[str, Any]) -> None:
        self.changed[scope, path] = value

    def delete(self, scope: str, *path: str) -> bool:
        """Whether it was there."""
        if self.get(scope, *path) is None:
            return False
        self.changed[scope, path] = None
        return True

    def below(self, kind: str, scope: str | None = None) -> list[tuple[Place, dict[str, Any]]]:
        """The records of a kind as they are now, of every scope or of one."""
        places = [
            place
            for place in {**self._values, **self.changed}
            if place[1][0] == kind and scope in (None, place[0])
        ]
        found = ((place, self.get(place[0], *place[1])) for place in places)
        return [(place, value) for place, value in found if value is not None]


def replay(records: Records, info: BackupInfo, journal: Journal, now: float) -> Replayed:
    done = Replayed(epoch=1 + max([info.epoch, *(entry.epoch for entry in journal.entries)]))
    later = since(
        journal.entries, epoch=info.epoch, created=info.created, margin_seconds=CLOCK_MARGIN_SECONDS
    )
    _spend_codes(records, now)
    _void_links(records)
    for entry in journal.entries:
        _replay_for_good(records, entry, done)
    _replay_machines(records, later, done)
    _replay_disabled(records, later, done)
    done.everything = any(entry.kind == "everything" for entry in later)
    return done


def _spend_codes(records: Records, now: float) -> None:
    """A code that was accepted after the backup was made is good once all the same."""
    last = step_at(now) + TOLERATED_STEPS
    for (tenant, path), user in records.below("user"):
        if user.get("totp_secret"):
            attempts = Attempts.from_json(records.get(tenant, "attempts", path[1]) or {})
            spent = replace(attempts, last_step=max(last, attempts.last_step))
            records.put(tenant, ("attempts", path[1]), spent.to_json())


def _void_links(records: Records) -> None:
    for (tenant, path), user in records.below("user"):
        if user.get("link_hash"):
            records.put(tenant, path, {**user, "link_hash": "", "link_expires": 0.0})


def _replay_for_good(records: Records, entry: Entry, done: Replayed) -> None:
    match entry.kind:
        case "user_deleted":
            done.users_deleted += _delete_user(records, entry.tenant, entry.id)
        case "credentials_voided":
            done.credentials_voided += _void_credentials(records, entry)
        case "token_revoked":
            done.tokens_revoked += records.delete(entry.tenant, "token", entry.id)
        case "recovery_code_used":
            done.recovery_codes_used += _use_code(records, entry)
        case "tenant_deleted":
            done.tenants_deleted += _leave(records, entry.id)
        case "key_retired":
            done.grant_keys_retired += records.delete(SITE, "key", "grant", entry.id)


def _leave(records: Records, tenant_id: str) -> bool:
    """Nobody finds it from the first moment; the first broker that starts destroys its key and what is below it."""
    tenant = records.get(SITE, "tenant", tenant_id)
    if tenant is None or tenant.get("leaving"):
        return False
    records.put(SITE, ("tenant", tenant_id), {**tenant, "leaving": True, "host_names": []})
    for kind in ("tenant-name", "tenant-host"):
        for (_, path), value in records.below(kind, SITE):
            if value.get("id") == tenant_id:
                records.delete(SITE, *path)
    return True


def _delete_user(records: Records, tenant: str, user_id: str) -> bool:
    if not records.delete(tenant, "user", user_id):
        return False
    records.delete(tenant, "attempts", user_id)
    records.delete(tenant, "recovery", user_id)
    for kind, field in (("user-name", "id"), ("token", "user_id")):
        for (_, path), value in records.below(kind, tenant):
            if value.get(field) == user_id:
                records.delete(tenant, *path)
    return True


def _void_credentials(records: Records, entry: Entry) -> bool:
    user = records.get(entry.tenant, "user", entry.id)
    if user is None or not entry.credential or credential_digest(user) != entry.credential:
        return False
    void = {**user, "password_hash": "", "totp_secret": "", "first_password": False}
    records.put(entry.tenant, ("user", entry.id), void)
    records.delete(entry.tenant, "recovery", entry.id)
    return True


def _use_code(records: Records, entry: Entry) -> bool:
    """Codes are random enough to be known by their hash alone, whosever they were."""
    for (tenant, path), value in records.below("recovery", entry.tenant):
        if entry.id in value["hashes"]:
            left = [each for each in value["hashes"] if each != entry.id]
            records.put(tenant, path, {"hashes": left})
            return True
    return False


def _replay_machines(records: Records, later: Sequence[Entry], done: Replayed) -> None:
    for entry in later:
        if entry.kind != "machine_revoked":
            continue
        for role in ("host", "gateway"):
            machine = records.get(SITE, role, entry.id)
            if machine is not None and not machine.get("revoked"):
                records.put(SITE, (role, entry.id), {**machine, "revoked": True})
                done.machines_revoked += 1


def _replay_disabled(records: Records, later: Iterable[Entry], done: Replayed) -> None:
    """The last word on each user counts; enabling alone changes nothing that the backup says."""
    last = {
        (entry.tenant, entry.id): entry.kind == "user_disabled"
        for entry in later
        if entry.kind in ("user_disabled", "user_enabled")
    }
    for (tenant, user_id), disabled in last.items():
        user = records.get(tenant, "user", user_id)
        if user is not None and disabled and not user.get("disabled"):
            records.put(tenant, ("user", user_id), {**user, "disabled": True})
            done.users_disabled += 1
