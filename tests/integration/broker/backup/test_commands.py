"""`portcullis-broker backup | restore | migrate | rotate-keys` as an operator types them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.app import Broker
from broker.grid.seal import SiteKey
from tests.support.running_broker import broker_settings, make_site

NOBODY = 65534


def run(*words: object) -> tuple[int, str]:
    command = [sys.executable, "-m", "broker", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    await make_site(tmp_path / "broker")
    return tmp_path / "broker"


@pytest.fixture
def backup(state: Path, tmp_path: Path) -> Path:
    assert run("backup", "--state", state, "--to", tmp_path / "backup")[0] == 0
    return tmp_path / "backup"


def fresh(state: Path) -> Path:
    """Another machine, to which the site key was copied."""
    other = state.with_name("other")
    other.mkdir(mode=0o700)
    shutil.copy2(state / "site.key", other)
    return other


async def starts(state: Path) -> None:
    broker = Broker(broker_settings(state))
    await broker.start()
    await broker.stop()


def test_a_backup_is_written_through_no_link(state: Path, tmp_path: Path) -> None:
    other = tmp_path / "somebody's"
    other.write_text("untouched")
    (tmp_path / "linked.new").symlink_to(other)
    assert run("backup", "--state", state, "--to", tmp_path / "linked")[0] == 0
    assert other.read_text() == "untouched"
    assert not (tmp_path / "linked").is_symlink() and (tmp_path / "linked").stat().st_mode & 0o777 == 0o600


async def test_a_backup_is_made_beside_a_running_broker_and_restored_elsewhere(
    state: Path, tmp_path: Path
) -> None:
    broker = Broker(broker_settings(state))
    await broker.start()
    try:
        status, said = run("backup", "--state", state, "--to", tmp_path / "backup")
    finally:
        await broker.stop()
    assert status == 0 and "records at revision" in said, said
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600
    other = fresh(state)
    status, said = run("restore", "--state", other, "--from", tmp_path / "backup", "--without-journal")
    assert status == 0 and "Restored" in said, said
    await starts(other)


async def test_what_a_broker_saw_revoked_after_the_backup_stays_revoked(state: Path, tmp_path: Path) -> None:
    broker = Broker(broker_settings(state))
    await broker.start()
    identity = broker.parts.identity
    (tenant,) = [tenant.id for tenant in identity.tenants.list()]
    (token,) = identity.tokens.list(tenant)
    assert run("backup", "--state", state, "--to", tmp_path / "backup")[0] == 0
    await identity.accounts.set_disabled(tenant, "demo", True, "test")
    await identity.accounts.reset(tenant, "admin", "test")
    await identity.tokens.revoke(tenant, token.id, "test")
    await broker.stop()
    status, said = run("restore", "--state", state, "--from", tmp_path / "backup", "--replace")
    assert status == 0 and "users disabled: 1" in said and "tokens revoked: 1" in said, said
    broker = Broker(broker_settings(state))
    await broker.start()
    users = {user.name: user for user in broker.parts.identity.users.list(tenant)}
    tokens = broker.parts.identity.tokens.list(tenant)
    await broker.stop()
    assert users["demo"].disabled and not users["admin"].enrolled and not tokens


def test_a_file_that_exists_is_not_written_over(state: Path, backup: Path) -> None:
    before = backup.read_bytes()
    status, said = run("backup", "--state", state, "--to", backup)
    assert status == 1 and "--to" in said and backup.read_bytes() == before


def test_without_a_journal_nothing_is_restored_unless_one_says_so(state: Path, backup: Path) -> None:
    other = fresh(state)
    status, said = run("restore", "--state", other, "--from", backup)
    assert status == 1 and "--without-journal" in said and not (other / "grid.sqlite").exists()


def test_a_dry_run_says_what_would_be_and_writes_nothing(state: Path, backup: Path) -> None:
    other, now = fresh(state), time.time()
    entry = {"time": now, "epoch": 7, "kind": "everything", "tenant": "site", "id": ""}
    (other / "revocations.jsonl").write_text(json.dumps(entry) + "\n")
    status, said = run("restore", "--state", other, "--from", backup, "--dry-run")
    assert status == 0 and "everything: yes" in said and "epoch becomes 8" in said, said
    assert not (other / "grid.sqlite").exists()


@pytest.mark.parametrize(
    ("alter", "code"),
    [
        (lambda data: data[: len(data) // 2], "backup_damaged"),
        (lambda data: b"SQLite format 3\0" + data, "backup_foreign"),
        (lambda data: data[:18] + b"\2\0" + data[20:], "backup_too_new"),
    ],
)
def test_what_is_no_sound_backup_is_refused_by_its_code(state: Path, backup: Path, alter, code) -> None:
    other = fresh(state)
    backup.write_bytes(alter(backup.read_bytes()))
    status, said = run("restore", "--state", other, "--from", backup, "--without-journal")
    assert status == 1 and f"[{code}]" in said and not (other / "grid.sqlite").exists(), said


def test_another_site_key_is_named_as_what_it_is(state: Path, backup: Path) -> None:
    other = state.with_name("other")
    other.mkdir(mode=0o700)
    SiteKey.create(other / "site.key")
    status, said = run("restore", "--state", other, "--from", backup, "--without-journal")
    assert status == 1 and "[backup_sealed]" in said
    status, said = run(
        *("restore", "--state", other, "--from", backup, "--without-journal"),
        *("--backup-key", state / "site.key"),
    )
    assert status == 0, said


async def test_a_damaged_grid_is_set_aside_and_replaced(state: Path, backup: Path) -> None:
    (state / "grid.sqlite").write_bytes(b"nothing of a grid" * 1000)
    assert run("restore", "--state", state, "--from", backup, "--without-journal")[0] == 1
    status, said = run("restore", "--state", state, "--from", backup, "--without-journal", "--replace")
    assert status == 0 and len(list(state.glob("grid.sqlite.replaced-*[0-9]"))) == 1, said
    await starts(state)


async def test_a_running_broker_stops_what_would_pull_its_grid_away(state: Path, backup: Path) -> None:
    broker = Broker(broker_settings(state))
    await broker.start()
    try:
        for words in (
            ("restore", "--from", backup, "--without-journal", "--replace"),
            ("migrate", "--from", "embedded", "--to", "etcd://127.0.0.1:1"),
            ("rotate-keys",),
        ):
            status, said = run(words[0], "--state", state, *words[1:])
            assert status == 1 and "[brokers_run]" in said, said
    finally:
        await broker.stop()


async def test_keys_are_changed_and_the_broker_starts_with_the_new_one(state: Path, backup: Path) -> None:
    before = (state / "site.key").read_text()
    status, said = run("rotate-keys", "--state", state)
    assert status == 0 and "sealed anew" in said, said
    assert (state / "site.key").read_text() != before == (state / "site.key.previous").read_text()
    await starts(state)
    status, said = run("restore", "--state", state, "--from", backup, "--without-journal", "--replace")
    assert status == 1 and "site.key.previous" not in said and "[backup_sealed]" in said
    status, said = run(
        *("restore", "--state", state, "--from", backup, "--without-journal", "--replace"),
        *("--backup-key", state / "site.key.previous"),
    )
    assert status == 0, said
    await starts(state)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that other accounts may reach, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="portcullis-backup-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


async def test_root_leaves_nothing_behind_that_the_broker_cannot_open(reachable: Path) -> None:
    state = reachable / "broker"
    await make_site(state)
    for path in (state, *state.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    assert run("backup", "--state", state, "--to", reachable / "backup")[0] == 0
    assert (reachable / "backup").stat().st_uid == 0
    words = ("restore", "--state", state, "--from", reachable / "backup", "--without-journal", "--replace")
    assert run(*words)[0] == 0 and run("rotate-keys", "--state", state)[0] == 0
    assert {path.stat().st_uid for path in state.iterdir()} == {NOBODY}
