"""`portcullis-broker backup | restore | migrate | rotate-keys`: what an operator types, and what they are told.

All are for the machine of a broker and who may read its site key; none has a route. `backup` disturbs nobody and may
run while brokers do. The others want every broker stopped (`rotate-keys --grants-only` excepted).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from broker.backup import archive, journal, migrate, places, restore, rotate
from broker.backup.archive import Backup, BackupInfo
from broker.backup.filling import Arrival
from broker.backup.kept import kept
from broker.backup.vault import meta_of, site_seal
from broker.grid.disk import GridDamaged
from broker.grid.grid import Grid
from broker.grid.opening import CA_HELP, CERT_HELP, EMBEDDED, KEY_HELP, GridChoice
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from broker.pki import rotation
from broker.recover import become_owner
from broker.schema import check_known, check_settled, moved_message
from broker.tenants import data_keys
from portcullis.clock import SystemClock
from portcullis.errors import InvalidInput, Unavailable
from portcullis.model.tenant import Site

JOURNAL = "revocations.jsonl"


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _add_backup(commands)
    _add_restore(commands)
    _add_migrate(commands)
    _add_rotate(commands)


def _add_backup(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "backup",
        help="write configuration, identities and keys to one sealed file, also while brokers run",
        description="Writes the site to one file, sealed under the site key and checksummed. Keep the site key "
        "elsewhere: without it nobody can read the file, you included. Sessions and sign-ins are not in it.",
    )
    GridChoice.add_arguments(parser)
    parser.add_argument("--to", type=Path, required=True, metavar="FILE", help="A new file.")
    parser.set_defaults(run=run_backup)


def _add_restore(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "restore",
        help="make a site of a backup, in an empty grid, while no broker runs",
        description="Fills an empty grid from a backup. What was revoked since stays revoked, by the journals that "
        "every broker keeps (revocations.jsonl in its state folder); everybody signs in anew; sessions that run go on.",
    )
    GridChoice.add_arguments(parser)
    parser.add_argument("--from", dest="source", type=Path, required=True, metavar="FILE", help="The backup.")
    parser.add_argument(
        "--journal",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="A broker's revocations.jsonl, several times for several; the one of this state folder is read anyway.",
    )
    parser.add_argument(
        "--without-journal",
        action="store_true",
        help="Restore without any: what was revoked since the backup is good again.",
    )
    parser.add_argument(
        "--replace", action="store_true", help="Give up what the grid holds, or a file that is damaged."
    )
    parser.add_argument(
        "--backup-key", type=Path, metavar="FILE", help="The site key of then, if it is another one now."
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="Say what would be done, and open every record of the backup."
    )
    parser.set_defaults(run=run_restore)


def _add_migrate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "migrate",
        help="move the site to another grid, while no broker runs",
        description="Copies every record to an empty grid, compares, and leaves the old one marked, so that no broker "
        "starts on it by mistake. Interrupted, the same command goes on. GRID is `embedded` (grid.sqlite of the state "
        "folder) or etcds://HOST:PORT,...",
    )
    parser.add_argument(
        "--state", type=Path, required=True, metavar="PATH", help="The state folder, with the site key."
    )
    for name, text in (("--grid-ca", CA_HELP), ("--grid-cert", CERT_HELP), ("--grid-key", KEY_HELP)):
        parser.add_argument(name, default="", metavar="PATH", help=text)
    parser.add_argument("--from", dest="source", required=True, metavar="GRID", help="Where the site is.")
    parser.add_argument("--to", dest="target", metavar="GRID", help="Where it goes.")
    parser.add_argument(
        "--cancel",
        action="store_true",
        help="Leave the site at --from after all. Only if no broker ever ran on the other grid.",
    )
    parser.set_defaults(run=run_migrate, grid=EMBEDDED)


def _add_rotate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "rotate-keys",
        help="new site key, data keys and grant key",
        description="Makes a new site key and new data keys, seals everything anew, and changes the key that signs "
        "grants (the old one verifies for half an hour more). While no broker runs; sessions go on. Then copy site.key "
        "to every other broker. The CA of the site's machines is changed by --ca alone, while everything runs.",
    )
    GridChoice.add_arguments(parser)
    parser.add_argument(
        "--grants-only", action="store_true", help="Only the key that signs grants; brokers may run (etcd)."
    )
    parser.add_argument(
        "--ca",
        action="store_true",
        help="Only the CA of the site's machines; brokers may run (etcd), and do it once they do.",
    )
    parser.add_argument(
        "--data-keys",
        action="store_true",
        help="Only the data keys of tenants; brokers may run (etcd), and do it once they do.",
    )
    parser.add_argument(
        "--cancel", action="store_true", help="With --ca: take a new CA back that does not sign yet."
    )
    parser.add_argument(
        "--without-waiting",
        action="store_true",
        help="With --ca: leave behind the machines that are waited for. They have to join again.",
    )
    parser.set_defaults(run=run_rotate_keys)


async def run_backup(arguments: argparse.Namespace) -> None:
    choice = GridChoice.of(arguments)
    to: Path = arguments.to
    if to.exists():
        raise InvalidInput("--to", "a new file: this one exists")
    begun = time.monotonic()
    with places.as_owner(choice.state):
        site_key = SiteKey.load(choice.state / "site.key")
        snapshot = await places.read(choice)
    meta = meta_of(snapshot.items, site_seal(site_key))
    if meta is None:
        raise Unavailable(message="There is no site in this grid.")
    if "moved" in meta:
        raise Unavailable("site_moved", moved_message(meta["moved"]))
    if "resealing" in meta:
        raise Unavailable("site_incomplete")
    site = Site.from_json(meta)
    check_known(site)
    items = kept(snapshot.items)
    now = SystemClock().now()
    info = BackupInfo(
        *(site.id, site.name, site.schema, site.epoch),
        *(snapshot.revision, now, version("portcullis"), len(items)),
    )
    size = await asyncio.to_thread(_write_file, to, Backup(info, items), site_key)
    seconds = time.monotonic() - begun
    print(
        f"{to}: site {site.name}, {len(items)} records at revision {info.revision}, {size} bytes, {seconds:.1f} s."
    )


async def run_restore(arguments: argparse.Namespace) -> None:
    choice, clock = GridChoice.of(arguments), SystemClock()
    site_key = SiteKey.load(choice.state / "site.key")
    backup_key = SiteKey.load(arguments.backup_key) if arguments.backup_key else site_key
    backup = await asyncio.to_thread(_read_file, arguments.source, backup_key)
    revoked = journal.parse(*_journals(choice.state, arguments))
    if backup.info.created < revoked.kept_since and not arguments.without_journal:
        whole = time.strftime("%Y-%m-%d", time.localtime(revoked.kept_since))
        raise InvalidInput(
            "--from",
            f"a backup since {whole}: what was revoked before is in no journal any more (--without-journal: restore it "
            "all the same)",
        )
    plan = await asyncio.to_thread(restore.plan, backup, backup_key, revoked, clock.now())
    _tell_plan(backup.info, revoked, plan)
    if arguments.dry_run:
        return
    become_owner(choice.state)
    begun = time.monotonic()
    arrival = Arrival(
        f"a backup of {backup.info.created:.0f}", backup.info.site_id, backup.info.revision, clock.now()
    )
    async with places.opened(await _usable(choice, arguments.replace), may_create=True) as grid:
        await restore.restore(
            grid,
            site_key,
            plan,
            backup_key=backup_key,
            arrival=arrival,
            replaces=arguments.replace,
            clock=clock,
        )
    seconds = time.monotonic() - begun
    print(f"Restored in {seconds:.1f} s. Start the brokers.")
    print("Everybody signs in anew, with verification codes of a minute from now on.")


async def run_migrate(arguments: argparse.Namespace) -> None:
    source = places.at(GridChoice.of(arguments), arguments.source)
    become_owner(source.state)
    site_key = SiteKey.load(source.state / "site.key")
    if arguments.cancel:
        async with places.opened(source, may_create=False) as grid:
            was_marked = await migrate.cancel(grid, site_key)
        print(
            f"The site stays at {source.address}." if was_marked else "The site was not moved: nothing to do."
        )
        return
    if not arguments.target or arguments.target == arguments.source:
        raise InvalidInput("--to", "another grid than --from")
    target = places.at(GridChoice.of(arguments), arguments.target)
    begun = time.monotonic()
    async with (
        places.opened(source, may_create=False) as there,
        places.opened(target, may_create=True) as here,
    ):
        ends = migrate.Ends(there, here, source.address, target.address)
        done = await migrate.Migration(ends, site_key, SystemClock()).run(_show_progress)
    seconds = time.monotonic() - begun
    print(
        f"{done.records} records, compared, in {seconds:.1f} s. Start brokers with --grid {target.address}."
    )


async def run_rotate_keys(arguments: argparse.Namespace) -> None:
    if (arguments.cancel or arguments.without_waiting) and not arguments.ca:
        raise InvalidInput("--cancel, --without-waiting", "together with --ca")
    choice = GridChoice.of(arguments)
    become_owner(choice.state)
    files = rotate.KeyFiles(choice.state)
    async with places.opened(choice, may_create=False) as grid:
        if arguments.ca:
            await _rotate_ca(grid, SiteKey.load(files.current), arguments)
            return
        if arguments.data_keys:
            await _rotate_data_keys(grid, SiteKey.load(files.current))
            return
        if arguments.grants_only:
            await _rotate_grant_key(grid, SiteKey.load(files.current))
            return
        new_key = files.load_new()
        done = await rotate.reseal(grid, SiteKey.load(files.current), new_key)
        await _rotate_grant_key(grid, new_key)
        files.put_in_force()
    print(f"{done.values} values of the site and of {done.tenants} tenants are sealed anew.")
    print(
        f"Copy {files.current} to every other broker before it starts. Backups of before need {files.previous}:"
    )
    print("keep that with them, away from here, and make a new backup now.")


async def _rotate_data_keys(grid: Grid, site_key: SiteKey) -> None:
    stores = Stores(grid, site_key)
    await check_settled(stores)
    begun = await data_keys.begin(stores)
    if not begun:
        print("The data keys are being changed already: `portcullis status` says how far it is.")
        return
    print(
        f"New data keys of {begun} tenants are announced. Brokers seal everything anew while everything runs;"
    )
    print("`portcullis status` says how far it is. The old keys are destroyed a day later.")


async def _rotate_ca(grid: Grid, site_key: SiteKey, arguments: argparse.Namespace) -> None:
    stores = Stores(grid, site_key)
    await check_settled(stores)
    if arguments.cancel:
        await rotation.cancel(stores)
        print("The new CA was taken back; machines forget it within a minute.")
    elif arguments.without_waiting:
        await rotation.force(stores)
        print("The next step waits for nobody. Machines that are left behind have to join again.")
    elif await rotation.is_under_way(stores):
        print("The site's CA is being changed already: `portcullis status` says how far it is.")
    else:
        await rotation.begin(stores)
        print(
            "A new CA is announced. Brokers do the rest while everything runs; `portcullis status` says how far it is."
        )
        print("Open join tokens end when it signs. Make a new backup once the old CA is gone.")


async def _rotate_grant_key(grid: Grid, site_key: SiteKey) -> None:
    stores = Stores(grid, site_key)
    await check_settled(stores)
    kid = await rotate.rotate_grant_key(stores, SystemClock())
    print(f"Grants are signed by key {kid} in a minute; the old one verifies for half an hour more.")


async def _usable(choice: GridChoice, replaces: bool) -> GridChoice:
    """With --replace a file that cannot even be opened is set aside. Raises GridDamaged, Refused."""
    if not choice.is_embedded or not choice.file.exists():
        return choice
    try:
        async with places.opened(choice, may_create=False):
            pass
    except GridDamaged:
        if not replaces:
            raise
        for path in places.set_aside(choice):
            print(f"The damaged file is {path} now.")
    return choice


def _journals(state: Path, arguments: argparse.Namespace) -> list[bytes]:
    own = state / JOURNAL
    paths = [*([own] if own.exists() else []), *arguments.journal]
    if not paths and not arguments.without_journal:
        raise InvalidInput(
            "--journal",
            f"the {JOURNAL} of a broker, since there is none in the state folder (or --without-journal: what was "
            "revoked since the backup is good again)",
        )
    return [path.read_bytes() for path in paths]


def _tell_plan(info: BackupInfo, revoked: journal.Journal, plan: restore.Plan) -> None:
    made = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(info.created))
    print(
        f"Backup of site {info.site_name}, {info.records} records, made {made} by Portcullis {info.program}."
    )
    print(f"{len(revoked.entries)} entries of journals:")
    counts = {name: count for name, count in asdict(plan.replayed).items() if count and name != "epoch"}
    for name, count in counts.items():
        print(f"  {name.replace('_', ' ')}: {count if count is not True else 'yes'}")
    if not counts:
        print("  nothing that the backup holds was revoked since")
    if revoked.unknown:
        print(
            f"  {revoked.unknown} of kinds that only a newer version knows were passed over", file=sys.stderr
        )
    print(f"The site's epoch becomes {plan.replayed.epoch}.")


def _show_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total} records", end="\n" if done >= total else "", file=sys.stderr, flush=True)


def _write_file(path: Path, backup: Backup, site_key: SiteKey) -> int:
    """Whole under its name, or not at all; read again before it counts. Raises InvalidInput."""
    new = path.with_name(path.name + ".new")
    try:
        new.unlink(missing_ok=True)  # not into what somebody else made or linked by that name
        with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600), "w+b") as file:
            archive.write(backup, site_key, file)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
            if archive.read(file, site_key).info != backup.info:
                raise InvalidInput(str(path), "a disk that gives back what was written")
        new.replace(path)
    except OSError as exc:
        new.unlink(missing_ok=True)
        raise InvalidInput(str(path), f"a file that can be written ({exc.strerror})") from exc
    return size


def _read_file(path: Path, site_key: SiteKey) -> Backup:
    try:
        with path.open("rb") as file:
            return archive.read(file, site_key)
    except OSError as exc:
        raise InvalidInput(str(path), f"a backup that can be read ({exc.strerror})") from exc
