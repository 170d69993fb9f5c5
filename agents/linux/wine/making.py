"""Making a template: Wine's own set-up, an installer without questions, then what every copy of it needs.

Whatever runs here is somebody's installer: never as root (maker.py). It has a display of its own that nobody sees, and
the result becomes root's.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.linux import environment
from agents.linux.leader import traces
from agents.linux.wine import prefix as copies
from agents.linux.wine.maker import maker
from agents.linux.wine.registry import is_registry
from agents.linux.wine.shell_links import read_link
from agents.linux.wine.templates import FACTS, Program, Template, Templates, wine_is_installed
from portcullis.errors import InvalidInput, Unavailable
from portcullis.model.wine import TEMPLATE_RULE, WINE_LOADER, is_fit_program, is_fit_template, path_below_c

SETUP_SECONDS = 300.0
INSTALL_SECONDS = 3600.0
INSTALLER_FOLDER = "portcullis-installer"
WORKSHOP = Path("/var/tmp")  # noqa: S108  # where the maker may come, in a folder that is its own
GOOD_STATUSES = (0, 3010 & 0xFF, 1641 & 0xFF)
"""Done, or done and Windows would have to be restarted, which a copy is anyway."""
MAXIMUM_LINK_BYTES = 1 << 20
_PROGRAMS = "Microsoft/Windows/Start Menu/Programs"
START_MENUS = (f"ProgramData/{_PROGRAMS}", f"users/*/AppData/Roaming/{_PROGRAMS}")


@dataclass(frozen=True, slots=True)
class Wanted:
    name: str
    installer: Path | None = None
    arguments: tuple[str, ...] = ()
    source: Path | None = None
    """A prefix that somebody made by hand, in place of a new one."""


def make(templates: Templates, wanted: Wanted) -> Template:
    """Raises InvalidInput, Unavailable, OSError; nothing is left then."""
    _check(wanted)
    with tempfile.TemporaryDirectory(prefix="portcullis-wine-", dir=WORKSHOP) as folder:
        work = Path(folder)
        with maker() as account:
            os.chown(work, account.pw_uid, account.pw_gid)
            (work / "home").mkdir(mode=0o700)
            os.chown(work / "home", account.pw_uid, account.pw_gid)
            _prepare(work, wanted, account)
        place = work / "prefix"  # nobody works in it any more
        user = _profile_of(place, account.pw_name)
        _clean(place)
        _share_libraries(place)
        return _keep(templates, wanted, place, user)


def remove(templates: Templates, name: str) -> bool:
    """Whether there was one. Copies of users stay as they are."""
    if not is_fit_template(name) or not (folder := templates.folder / name).is_dir():
        return False
    shutil.rmtree(folder)
    return True


def documents(template: Template) -> list[dict[str, object]]:
    """Its programs as files of configuration say them, entitled to nobody."""
    return [
        {
            "kind": "application",
            "name": each.name,
            "wine": {"template": template.name, "program": each.program}
            | ({"arguments": each.arguments.split()} if each.arguments else {}),
            "entitled": {"groups": []},
        }
        for each in template.programs
    ]


def _check(wanted: Wanted) -> None:
    if not is_fit_template(wanted.name):
        raise InvalidInput("NAME", TEMPLATE_RULE)
    if not wine_is_installed():
        raise Unavailable("wine_failed", "Wine is not installed here: install Debian's wine and wine64.")
    if wanted.installer is not None and not wanted.installer.is_file():
        raise InvalidInput("--installer", "a file that is there")
    if wanted.arguments and wanted.installer is None:
        raise InvalidInput("ARGUMENT", "an --installer that takes them")
    if wanted.source is not None:
        copied = [wanted.source / name for name in copies.REGISTRIES[:2]]
        if not all(path.is_file() and is_registry(path.read_bytes()[:64]) for path in copied):
            raise InvalidInput("--from", "the folder of a Wine prefix")


def _prepare(work: Path, wanted: Wanted, account: pwd.struct_passwd) -> None:
    place = work / "prefix"
    if wanted.source is not None:
        copies.copy_tree(str(wanted.source), place)
        _give(place, account.pw_uid, account.pw_gid)
    with _display(work, account) as variables:
        runs = _Runs(work, account, variables)
        try:
            runs.wine("wineboot", "--init", seconds=SETUP_SECONDS)
            if wanted.source is None:
                runs.wine("winecfg", "/v", "win10", seconds=SETUP_SECONDS)
            if wanted.installer is not None:
                _install(runs, place, wanted.installer, wanted.arguments)
        finally:
            runs.end()


def _install(runs: _Runs, place: Path, installer: Path, arguments: Sequence[str]) -> None:
    folder = place / "drive_c" / INSTALLER_FOLDER
    folder.mkdir(mode=0o755)
    copies.copy_file(str(installer), folder / installer.name)
    _give(folder, runs.account.pw_uid, runs.account.pw_gid)
    there = f"C:\\{INSTALLER_FOLDER}\\{installer.name}"
    is_package = installer.suffix.lower() == ".msi"
    begin = ("msiexec", "/i", there, "/qn") if is_package else (there,)
    runs.wine(*begin, *arguments, seconds=INSTALL_SECONDS)
    runs.wait(INSTALL_SECONDS)
    shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs programs of Wine as the maker."""

    work: Path
    account: pwd.struct_passwd
    variables: Mapping[str, str]

    def wine(self, *words: str, seconds: float) -> None:
        status = self._run(WINE_LOADER, *words, seconds=seconds)
        if status not in GOOD_STATUSES:
            raise Unavailable("wine_failed", f"`{' '.join(words)}` ended with {status}.")

    def wait(self, seconds: float) -> None:
        """Until nothing of Wine runs: installers hand over to others."""
        self._run("wineserver", "-w", seconds=seconds)

    def end(self) -> None:
        self._run("wineserver", "-k", seconds=SETUP_SECONDS)
        self.wait(SETUP_SECONDS)

    def _run(self, *words: str, seconds: float) -> int:
        said = " ".join(words)
        try:
            done = subprocess.run(
                words,
                env=dict(self.variables),
                cwd=self.work,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=seconds,
                check=False,
                **_as(self.account),  # type: ignore[call-overload]
            )
        except subprocess.TimeoutExpired as exc:
            raise Unavailable(
                "wine_failed",
                f"`{said}` did not end within {seconds / 60:.0f} minutes: it may ask something.",
            ) from exc
        return int(done.returncode)


def _profile_of(place: Path, maker: str) -> str:
    """Whose it is. Raises Unavailable where nobody can tell."""
    users = [
        path.name for path in (place / "drive_c/users").iterdir() if path.is_dir() and not path.is_symlink()
    ]
    own = [name for name in users if name.lower() != "public"]
    others = [name for name in own if name != maker]
    if len(others) > 1:
        raise Unavailable("wine_failed", f"profiles of several users are in it: {', '.join(sorted(others))}.")
    if others and maker in own:
        shutil.rmtree(place / "drive_c/users" / maker)  # what wineboot made of a prefix of somebody's
    return (others or own or [maker])[0]


def _keep(templates: Templates, wanted: Wanted, place: Path, user: str) -> Template:
    newest = next(templates.versions(wanted.name), None)
    version = max(int(time.time()), newest.version + 1 if newest else 0)
    source = wanted.installer.name if wanted.installer else str(wanted.source or "")
    templates.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = templates.folder / wanted.name / str(version)
    folder.parent.mkdir(mode=0o755, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    template = Template(wanted.name, version, user, _wine_version(), source, _programs(place), folder)
    try:
        copies.copy_tree(str(place), new / "prefix")
        _make_readable(new)
        (new / FACTS).write_text(json.dumps(template.to_json(), indent=1) + "\n")
        new.rename(folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()
        raise
    for older in list(templates.versions(wanted.name))[1:]:
        shutil.rmtree(older.folder)
    return template


def _clean(place: Path) -> None:
    """What was of the making: the maker's drives, where its server was, and temporary files."""
    shutil.rmtree(place / "dosdevices", ignore_errors=True)
    (place / copies.SERVER).unlink(missing_ok=True)
    for folder in place.glob("drive_c/users/*/Temp"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()


def _share_libraries(place: Path) -> None:
    """Wine copies its own libraries into each prefix, half a gigabyte: links to those of the host serve as well."""
    own = _libraries()
    for path in (place / "drive_c/windows").rglob("*"):
        original = own.get(path.name.lower())
        if original is None or path.is_symlink() or not path.is_file():
            continue
        if path.stat().st_size == original.stat().st_size and path.read_bytes() == original.read_bytes():
            path.unlink()
            path.symlink_to(original)


def _libraries() -> dict[str, Path]:
    folders = sorted(Path("/usr/lib").glob("*/wine/x86_64-windows"))
    return {path.name.lower(): path for folder in folders for path in folder.iterdir() if path.is_file()}


def _programs(place: Path) -> tuple[Program, ...]:
    found: dict[str, Program] = {}
    for menu in START_MENUS:
        for path in sorted((place / "drive_c").glob(f"{menu}/**/*.[lL][nN][kK]")):
            if path.is_file() and path.stat().st_size <= MAXIMUM_LINK_BYTES:
                with contextlib.suppress(ValueError):
                    link = read_link(path.read_bytes())
                    inside = copies.program_file(place, path_below_c(link.path))
                    if inside is not None and is_fit_program(link.path):
                        found.setdefault(path.stem, Program(path.stem, link.path, link.arguments))
    return tuple(found[name] for name in sorted(found))


def _wine_version() -> str:
    done = subprocess.run(
        (WINE_LOADER, "--version"),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": environment.PATH},
    )
    return done.stdout.strip()


def _give(folder: Path, uid: int, gid: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, gid, follow_symlinks=False)


def _make_readable(folder: Path) -> None:
    """For every user, and to be changed by its owner alone."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(0o755 if path.is_dir() or mode & 0o100 else 0o644)


@contextlib.contextmanager
def _display(work: Path, account: pwd.struct_passwd) -> Iterator[dict[str, str]]:
    """An X server that only the maker may use, and the environment of what runs there."""
    traces.make_account_folder(work / "worker", account, os.urandom(16))
    cookie = str(work / "worker" / traces.XAUTHORITY)
    traces.make_x11_folder()
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        (
            "Xvfb",
            "-displayfd",
            str(write_end),
            "-auth",
            cookie,
            "-screen",
            "0",
            "1280x1024x24",
            "-nolisten",
            "tcp",
            "-noreset",  # or it would drop the program that comes just when the one before it has gone
        ),
        env={"PATH": environment.PATH},
        cwd=work,
        pass_fds=(write_end,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **_as(account),  # type: ignore[call-overload]
    )
    os.close(write_end)
    try:
        with os.fdopen(read_end, "rb") as read:
            number = read.readline().decode().strip()
        if not number:
            raise Unavailable("display_failed", "Xvfb did not start.")
        yield {
            "PATH": environment.PATH,
            "LANG": "C.UTF-8",
            "HOME": str(work / "home"),
            "USER": account.pw_name,
            "DISPLAY": f":{number}",
            "XAUTHORITY": cookie,
            "WINEPREFIX": str(work / "prefix"),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml=;winemenubuilder.exe=d",
        }
    finally:
        server.terminate()
        server.wait()


def _as(account: pwd.struct_passwd) -> dict[str, object]:
    if os.geteuid() != 0:
        return {"umask": 0o077}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "umask": 0o077}
