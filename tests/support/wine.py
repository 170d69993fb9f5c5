"""Windows programs under Wine, in a prefix of their own: a copy of the template that windows_python.py keeps.

    with wine(x) as windows:                                  # x: an XServer, or None where nothing shows a window
        done = windows.python("-c", "print(1)")               # the genuine CPython, with the clone on its path
        program = windows.start_python("-m", "agents.worker", environment={"NAME": "value"})
        windows.start("notepad.exe", windows.path(some_path))
    # everything in the prefix has ended here

Standard input and output are pipes throughout: Windows programs cannot write to what Wine does not know as a pipe, a
terminal or nothing at all, and Python then dies at its start. A program's pid is that of its Linux process.

Wine says yes where Windows would not: LogonUser takes any password, and tokens and DACLs guard nothing.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import subprocess
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from deploy.install_packages import write_if_changed, write_metadata
from tests.support import windows_python
from tests.support.patience import patient
from tests.support.xserver import XServer

RUN_SECONDS = 60.0
_PREFIXES, _KEPT_SECONDS = "run-", 24 * 3600
_SHARED = {".dll", ".exe", ".drv", ".ocx", ".acm", ".ds", ".sys", ".cpl", ".tlb", ".nls", ".msstyles", ".ttf"}
"""Linked, not copied: Wine replaces such files and never writes into them, and they are nearly all of a prefix."""


class Wine:
    def __init__(self, folder: Path, x: XServer | None = None) -> None:
        self.prefix = folder / "prefix"
        shutil.copytree(windows_python.TEMPLATE, self.prefix, symlinks=True, copy_function=_link_or_copy)
        self.x = x
        self._programs: list[subprocess.Popen[bytes]] = []
        self._install_clone(windows_python.PYTHON / "Lib/site-packages")
        # Both stay while no program runs: Windows' services, and what they are served by.
        self.run_unix("wineserver", "-p")
        self.run_unix("wine", "wineboot")

    @property
    def drive(self) -> Path:
        return self.prefix / "drive_c"

    @property
    def environment(self) -> dict[str, str]:
        shown = {} if self.x is None else {"DISPLAY": self.x.display, "XAUTHORITY": str(self.x.xauthority)}
        of_python = {
            "PYTHONPATH": self.path(windows_python.CLONE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUTF8": "1",
        }
        if place := os.environ.get("TESTS_PATIENCE"):
            of_python["TESTS_PATIENCE"] = self.path(place)
        return {**windows_python.wine_environment(self.prefix), **shown, **of_python}

    def path(self, path: Path | str) -> str:
        """As Windows programs write it: `C:\\` is the prefix's own drive, `Z:\\` the root."""
        path = Path(path).absolute()
        if path.is_relative_to(self.drive):
            return "C:\\" + str(path.relative_to(self.drive)).replace("/", "\\")
        return "Z:" + str(path).replace("/", "\\")

    @property
    def python_command(self) -> tuple[str, str]:
        return "wine", str(windows_python.PYTHON / "python.exe")

    def start(
        self, program: str, *arguments: str, environment: Mapping[str, str] | None = None, **options
    ) -> subprocess.Popen[bytes]:
        """A Windows program; ended with the prefix. Its input and output are pipes unless `options` say otherwise."""
        return self._popen(("wine", program, *arguments), environment, options)

    def start_python(
        self, *arguments: str, environment: Mapping[str, str] | None = None, **options
    ) -> subprocess.Popen[bytes]:
        return self._popen((*self.python_command, *arguments), environment, options)

    def run(
        self,
        program: str,
        *arguments: str,
        stdin: bytes = b"",
        timeout: float = RUN_SECONDS,
        check: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """A Windows program that ends by itself. `check`: fails, with what it said, unless its status is 0."""
        return self._finish(self.start(program, *arguments, environment=environment), stdin, timeout, check)

    def python(
        self,
        *arguments: str,
        stdin: bytes = b"",
        timeout: float = RUN_SECONDS,
        check: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return self._finish(self.start_python(*arguments, environment=environment), stdin, timeout, check)

    def run_unix(self, *command: str, check: bool = True) -> None:
        """A program of Linux that minds the prefix, such as wineserver."""
        nothing = subprocess.DEVNULL
        subprocess.run(
            command,
            env=self.environment,
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            check=check,
            timeout=patient(60),
        )

    def stop(self) -> None:
        self.run_unix("wineserver", "-k", check=False)
        for program in self._programs:
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(patient(5))
            program.kill()
            program.wait()
            for pipe in (program.stdin, program.stdout, program.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def _install_clone(self, packages: Path) -> None:
        """Programs of the product are started with -I, which is deaf to PYTHONPATH, and ask which version they are."""
        write_if_changed(packages / "clone.pth", self.path(windows_python.CLONE) + "\n")
        project = tomllib.loads((windows_python.CLONE / "pyproject.toml").read_text())["project"]
        write_metadata(packages, project["name"], project["version"], [])

    def _popen(self, command, environment, options) -> subprocess.Popen[bytes]:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        everything = {**self.environment, **(environment or {})}
        program = subprocess.Popen(command, env=everything, **{**pipes, **options})
        self._programs.append(program)
        return program

    def _finish(self, program, stdin: bytes, timeout: float, check: bool) -> subprocess.CompletedProcess[str]:
        output, errors = _talk(program, stdin, patient(timeout))
        if program.returncode is None:
            program.kill()
            raise AssertionError(f"{program.args} goes on: {_text(output)}{_text(errors)}")
        done = subprocess.CompletedProcess(program.args, program.returncode, _text(output), _text(errors))
        assert not check or done.returncode == 0, (
            f"{done.args}: {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done


@contextlib.contextmanager
def wine(x: XServer | None = None) -> Iterator[Wine]:
    """On the file system of the template, so that its files can be linked."""
    if reason := windows_python.missing():
        pytest.fail(reason, pytrace=False)
    _sweep()
    with tempfile.TemporaryDirectory(dir=windows_python.CACHE, prefix=_PREFIXES) as folder:
        windows = Wine(Path(folder), x)
        try:
            yield windows
        finally:
            windows.stop()


def _sweep() -> None:
    """What a run left that was killed."""
    for folder in windows_python.CACHE.glob(f"{_PREFIXES}*"):
        with contextlib.suppress(OSError):  # another run was first
            if time.time() - folder.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _link_or_copy(source: str, target: str) -> None:
    if Path(source).suffix.lower() in _SHARED:
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _talk(program: subprocess.Popen[bytes], stdin: bytes, timeout: float) -> tuple[bytes, bytes]:
    """What it said until it ended. Its pipes may go on: a service that it made Windows start has inherited them."""
    pipes = {program.stdout: b"", program.stderr: b""}
    ended = os.pidfd_open(program.pid)
    writing = threading.Thread(target=_write, args=(program.stdin, stdin))
    writing.start()
    deadline = time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        for source in (ended, *pipes):
            selector.register(source, selectors.EVENT_READ)
        while selector.get_map() and program.poll() is None and time.monotonic() < deadline:
            for key, _ in selector.select(deadline - time.monotonic()):
                if key.fileobj in pipes and not (data := os.read(key.fd, 1 << 16)):
                    selector.unregister(key.fileobj)
                elif key.fileobj in pipes:
                    pipes[key.fileobj] += data
    os.close(ended)
    for pipe in pipes:
        os.set_blocking(pipe.fileno(), False)
        pipes[pipe] += pipe.read() or b""
    return pipes[program.stdout], pipes[program.stderr]


def _write(pipe, data: bytes) -> None:
    with contextlib.suppress(OSError), pipe:  # it may have ended without reading
        pipe.write(data)


def _text(output: bytes) -> str:
    return output.decode(errors="replace").replace("\r\n", "\n")
