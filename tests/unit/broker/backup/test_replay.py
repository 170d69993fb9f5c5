"""What a restore does to the records of a backup so that nothing revoked comes back."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.backup.archive import BackupInfo
from broker.backup.journal import Entry, Journal, credential_digest
from broker.backup.replay import Records, Replayed, replay
from broker.identity.totp import accepted_step, code_at, new_secret, step_at
from portcullis.model.host import Gateway, Host
from portcullis.model.user import ApiToken, User

TENANT, OTHER_TENANT, USER, OTHER = "a" * 16, "e" * 16, "b" * 16, "d" * 16
CREATED, NOW = 1_763_676_000.0, 1_763_690_000.0
INFO = BackupInfo("c" * 16, "lab", 1, 4, 100, CREATED, "0.2.0", 0)
SECRET, OTHER_SECRET = new_secret(), new_secret()
CODE = hashlib.sha256(b"code").hexdigest()
TOKEN = hashlib.sha256(b"token").hexdigest()


def picture() -> Records:
    ada = User(
        USER, "ada", password_hash="$argon2id$ada", totp_secret=SECRET, link_hash="f" * 64, link_expires=9e9
    )
    bob = User(OTHER, "bob", "administrator", password_hash="$argon2id$bob", totp_secret=OTHER_SECRET)
    token = ApiToken(TOKEN, TENANT, USER, "", CREATED, CREATED + 1e6)
    return Records(
        {
            (TENANT, ("user", USER)): ada.to_json(),
            (TENANT, ("user", OTHER)): bob.to_json(),
            (TENANT, ("user-name", "1" * 64)): {"id": USER},
            (TENANT, ("user-name", "2" * 64)): {"id": OTHER},
            (TENANT, ("attempts", USER)): {"last_step": 5, "wrong_codes": 7},
            (TENANT, ("recovery", USER)): {"hashes": [CODE, "0" * 64]},
            (TENANT, ("token", TOKEN)): token.to_json(),
            ("site", ("host", "1" * 16)): Host("1" * 16, "h1", 2, frozenset()).to_json(),
            ("site", ("gateway", "2" * 16)): Gateway("2" * 16, "g1", "a:1", "https://a").to_json(),
            ("site", ("key", "grant", "k1")): {"kid": "k1"},
        }
    )


def entry(
    kind: str, id: str = USER, *, time: float = CREATED + 60, tenant: str = TENANT, **more: Any
) -> Entry:
    return Entry(time, more.pop("epoch", INFO.epoch), kind, tenant, id, **more)


def after(*entries: Entry) -> tuple[Records, Replayed]:
    records = picture()
    return records, replay(records, INFO, Journal(entries), NOW)


def test_no_code_of_before_the_restore_is_accepted_after_it() -> None:
    records, _ = after()
    attempts = records.get(TENANT, "attempts", USER)
    assert attempts is not None and attempts["wrong_codes"] == 7
    for step in range(step_at(NOW) - 3, step_at(NOW) + 2):
        assert accepted_step(SECRET, code_at(SECRET, step), NOW, attempts["last_step"]) is None
    soon = NOW + 60
    assert accepted_step(SECRET, code_at(SECRET, step_at(soon)), soon, attempts["last_step"]) is not None


def test_who_has_no_record_of_attempts_gets_one() -> None:
    records, _ = after()
    attempts = records.get(TENANT, "attempts", OTHER)
    assert attempts is not None and attempts["last_step"] > step_at(NOW)


def test_links_are_void() -> None:
    user = after()[0].get(TENANT, "user", USER)
    assert user is not None and (user["link_hash"], user["link_expires"]) == ("", 0.0)


def test_a_disabled_user_stays_disabled_and_nobody_else_is() -> None:
    records, done = after(entry("user_disabled"))
    ada, bob = records.get(TENANT, "user", USER), records.get(TENANT, "user", OTHER)
    assert ada is not None and bob is not None
    assert (ada["disabled"], bob["disabled"], done.users_disabled) == (True, False, 1)


def test_who_was_enabled_again_is_enabled() -> None:
    records, done = after(entry("user_disabled", time=CREATED + 1), entry("user_enabled", time=CREATED + 2))
    ada = records.get(TENANT, "user", USER)
    assert ada is not None and not ada["disabled"] and done.users_disabled == 0


def test_what_was_disabled_and_enabled_before_the_backup_changes_nothing() -> None:
    _, done = after(entry("user_disabled", time=CREATED - 3600))
    assert done.users_disabled == 0


def test_a_deleted_user_is_gone_with_all_that_was_theirs() -> None:
    records, done = after(entry("user_deleted", time=CREATED - 9e6))
    left = {
        place
        for kind in ("user", "user-name", "attempts", "recovery", "token")
        for place, _ in records.below(kind)
    }
    assert left == {
        (TENANT, ("user", OTHER)),
        (TENANT, ("user-name", "2" * 64)),
        (TENANT, ("attempts", OTHER)),
    }
    assert done.users_deleted == 1


def test_a_deleted_tenant_is_found_by_nobody_and_left_to_be_destroyed() -> None:
    records = picture()
    for tenant, name in ((TENANT, "1" * 64), (OTHER_TENANT, "2" * 64)):
        records.put("site", ("tenant", tenant), {"id": tenant, "name": tenant, "host_names": ["a.example"]})
        records.put("site", ("tenant-name", name), {"id": tenant})
    done = replay(records, INFO, Journal((entry("tenant_deleted", TENANT, tenant="site"),)), NOW)
    assert done.tenants_deleted == 1
    gone = records.get("site", "tenant", TENANT)
    assert gone is not None and gone["leaving"] and gone["host_names"] == []
    assert [path for (_, path), _ in records.below("tenant-name")] == [("tenant-name", "2" * 64)]
    other = records.get("site", "tenant", OTHER_TENANT)
    assert other is not None and "leaving" not in other


def test_the_same_id_in_another_tenant_is_another_user() -> None:
    records, done = after(
        entry("user_deleted", tenant=OTHER_TENANT),
        entry("user_disabled", tenant=OTHER_TENANT),
        entry("token_revoked", TOKEN, tenant=OTHER_TENANT),
    )
    assert records.get(TENANT, "user", USER) is not None and records.get(TENANT, "token", TOKEN) is not None
    assert done == Replayed(epoch=INFO.epoch + 1)


def test_a_revoked_token_and_a_used_code_are_gone() -> None:
    records, done = after(entry("token_revoked", TOKEN), entry("recovery_code_used", CODE))
    assert records.get(TENANT, "token", TOKEN) is None
    assert records.get(TENANT, "recovery", USER) == {"hashes": ["0" * 64]}
    assert (done.tokens_revoked, done.recovery_codes_used) == (1, 1)


def test_a_password_that_was_reset_is_void_and_a_newer_one_is_not() -> None:
    user = picture().get(TENANT, "user", USER)
    assert user is not None
    records, done = after(entry("credentials_voided", credential=credential_digest(user)))
    ada = records.get(TENANT, "user", USER)
    assert ada is not None and not User.from_json(ada).enrolled and done.credentials_voided == 1
    assert records.get(TENANT, "recovery", USER) is None
    records, done = after(entry("credentials_voided", credential="0" * 64))
    ada = records.get(TENANT, "user", USER)
    assert ada is not None and User.from_json(ada).enrolled and done.credentials_voided == 0


@pytest.mark.parametrize(("role", "id"), [("host", "1" * 16), ("gateway", "2" * 16)])
def test_a_revoked_machine_stays_revoked(role: str, id: str) -> None:
    records, done = after(entry("machine_revoked", id, tenant="site"))
    machine = records.get("site", role, id)
    assert machine is not None and machine["revoked"] and done.machines_revoked == 1


def test_a_retired_grant_key_is_gone() -> None:
    records, done = after(entry("key_retired", "k1", tenant="site"))
    assert records.get("site", "key", "grant", "k1") is None and done.grant_keys_retired == 1


def test_a_panic_after_the_backup_is_known_and_its_epoch_surpassed() -> None:
    _, done = after(entry("everything", "", tenant="site", epoch=9))
    assert done.everything and done.epoch == 10
    _, done = after(entry("everything", "", tenant="site", epoch=4, time=CREATED - 3600))
    assert not done.everything and done.epoch == 5


kinds = st.sampled_from(
    ["user_disabled", "user_deleted", "token_revoked", "recovery_code_used", "machine_revoked"]
)
known = st.sampled_from([USER, OTHER, TOKEN, CODE, "1" * 16, "2" * 16])


@given(st.lists(st.builds(entry, kinds, known, tenant=st.sampled_from([TENANT, "site"])), max_size=8))
def test_what_two_brokers_saw_counts_once(entries: list[Entry]) -> None:
    once, counted = after(*entries)
    twice, counted_twice = after(*entries, *entries)
    assert once.changed == twice.changed and counted == counted_twice
