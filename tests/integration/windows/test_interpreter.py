"""The fixture itself: a Windows CPython with the agent's packages."""

from __future__ import annotations

import json

from tests.support.wine import Wine


def test_python_says_that_it_is_on_windows_ten_and_finds_the_packages(windows: Wine) -> None:
    code = (
        "import asyncio, aiohttp, av, cryptography.x509, json, numpy, PIL, simplejpeg, ssl, sys, win32api, zstandard;"
        "from pathlib import Path; import portcullis;"
        "print(json.dumps([sys.platform, sys.getwindowsversion().major, numpy.__version__, portcullis.__file__]))"
    )
    platform, version, numpy, code_of_clone = json.loads(windows.python("-c", code).stdout)
    assert (platform, version) == ("win32", 10)
    assert numpy.startswith("2.0.")
    assert code_of_clone.startswith("Z:\\")


def test_random_bytes_come_from_the_library_that_wine_lacks(windows: Wine) -> None:
    code = (
        "import ctypes; room = ctypes.create_string_buffer(32); prng = ctypes.windll.bcryptprimitives.ProcessPrng;"
        "seen = {(prng(room, ctypes.c_size_t(32)) & 1, room.raw) for _ in range(9)};"
        "print(len(seen), {done for done, _ in seen})"
    )
    assert windows.python("-c", code).stdout == "9 {1}\n"


def test_a_program_reads_and_writes_its_pipes_and_its_status_is_told(windows: Wine) -> None:
    code = "import sys; sys.stdout.write(sys.stdin.read().upper()); print('é', file=sys.stderr); sys.exit(7)"
    done = windows.python("-c", code, stdin="grüß".encode(), check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("GRÜSS", "é\n", 7)


def test_what_a_program_writes_is_in_its_own_prefix(windows: Wine) -> None:
    target = windows.drive / "users/Public/written.txt"
    windows.python("-c", f"open({windows.path(target)!r}, 'w').write('here')")
    assert target.read_text() == "here"
