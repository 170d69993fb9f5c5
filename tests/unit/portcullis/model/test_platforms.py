import pytest

from portcullis.model.platforms import is_windows_program


@pytest.mark.parametrize(
    "command",
    [
        ["C:\\Windows\\notepad.exe"],
        ["notepad.exe"],
        ["NOTEPAD.EXE", "x"],
        ["\\\\server\\share\\run.cmd"],
        ["%ProgramFiles%\\App\\app"],
        ["run.bat"],
    ],
)
def test_what_is_named_as_windows_does_is_for_windows(command):
    assert is_windows_program(command)


@pytest.mark.parametrize(
    "command", [[], ["xterm"], ["/usr/bin/xterm", "C:\\x.exe"], ["./run.sh"], ["python3.11"]]
)
def test_all_else_is_for_linux(command):
    assert not is_windows_program(command)
