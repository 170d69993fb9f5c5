"""Templates as an administrator makes them: with an installer, newer versions, and nothing left of one that failed."""

import getpass
import pwd
from pathlib import Path

import pytest

from agents.linux.wine import making
from agents.linux.wine.templates import Templates
from portcullis.errors import Unavailable
from tests.support import windows_python

SHELL = Path("/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/cmd.exe")
INSTALLS = "mkdir C:\\App & copy C:\\windows\\notepad.exe C:\\App\\app.exe & echo %USERNAME%> C:\\App\\who"


def test_an_installer_runs_without_rights_and_what_it_installed_is_kept(tmp_path, own_names):
    templates = Templates.of_state(tmp_path)
    wanted = making.Wanted("app", SHELL, ("/c", INSTALLS), windows_python.TEMPLATE)
    first = making.make(templates, wanted)
    drive = first.folder / "prefix/drive_c"
    assert (drive / "App/app.exe").is_file()
    assert (drive / "App/who").read_text().strip() == own_names != getpass.getuser()
    assert not (drive / making.INSTALLER_FOLDER).exists()
    assert first.source == SHELL.name

    failing = making.Wanted("app", SHELL, ("/c", "exit 5"), windows_python.TEMPLATE)
    with pytest.raises(Unavailable, match="ended with 5") as failed:
        making.make(templates, failing)
    assert failed.value.code == "wine_failed"
    assert templates.find("app") == first
    assert [path.name for path in (tmp_path / "wine/app").iterdir()] == [str(first.version)]
    assert own_names not in {each.pw_name for each in pwd.getpwall()}
    assert making.remove(templates, "app") and templates.names() == []
