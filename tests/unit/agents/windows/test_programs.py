import pytest

from agents.windows.programs import is_shell, may_be_the_users, program, with_application

ENVIRONMENT = {
    "SystemRoot": "C:\\Windows",
    "Path": 'C:\\Tools;.;"C:\\Quoted";relative',
    "ProgramFiles": "C:\\Program Files",
    "USERPROFILE": "C:\\Users\\ann",
}


def found(command, *files, registered=lambda name: None):
    known = {each.lower() for each in files}
    return program(command, ENVIRONMENT, lambda path: path.lower() in known, registered)


def test_a_path_means_itself_and_is_quoted_as_windows_divides():
    path = "C:\\Program Files\\App\\app.exe"
    made = found([path, "a b", 'say "hi"', "end\\", ""], path)
    assert made.file == path
    assert made.line == f'"{path}" "a b" "say \\"hi\\"" end\\ ""'


def test_a_bare_name_is_looked_for_in_the_system_first_and_never_in_the_working_folder():
    assert found(["notepad"], "C:\\Windows\\System32\\notepad.exe", "C:\\Tools\\notepad.exe").file == (
        "C:\\Windows\\System32\\notepad.exe"
    )
    assert found(["tool.exe"], "C:\\Quoted\\tool.exe").file == "C:\\Quoted\\tool.exe"
    with pytest.raises(FileNotFoundError):
        found(["evil.exe"], ".\\evil.exe", "evil.exe", "relative\\evil.exe")


@pytest.mark.parametrize("name", ["App\\app.exe", "..\\app.exe", "app/app.exe", "C:app.exe", "\\app.exe"])
def test_a_path_that_depends_on_where_one_is_is_not_found(name):
    with pytest.raises(FileNotFoundError):
        found([name], name)


def test_variables_of_the_user_stand_in_the_program_alone():
    path = "C:\\Program Files\\App\\app.exe"
    made = found(["%programfiles%\\App\\app.exe", "%PROGRAMFILES%"], path)
    assert made.file == path and made.line.endswith(" %PROGRAMFILES%")


def test_where_an_installer_said_that_it_is_counts_last():
    assert found(["excel.exe"], registered=lambda name: f"D:\\Office\\{name}").file == "D:\\Office\\excel.exe"


def test_a_batch_file_is_run_by_the_system_s_shell():
    made = found(["C:\\App\\run.cmd", "a b"], "C:\\App\\run.cmd")
    assert made.file == "C:\\Windows\\System32\\cmd.exe"
    assert made.line.endswith('/d /v:off /s /c ""C:\\App\\run.cmd" "a b""')


@pytest.mark.parametrize("argument", ['"', "a&calc", "%PATH%", "a|b", "a>b", "^", "!x!", "a\nb"])
def test_arguments_that_a_shell_would_obey_are_refused_for_batch_files(argument):
    with pytest.raises(ValueError, match="batch"):
        found(["C:\\App\\run.bat", argument], "C:\\App\\run.bat")


def test_a_zero_byte_is_refused():
    with pytest.raises(ValueError, match="zero"):
        found(["C:\\a.exe", "a\0b"], "C:\\a.exe")


def test_no_command_is_not_found():
    with pytest.raises(FileNotFoundError):
        found([])


def test_a_variable_of_the_application_replaces_one_in_any_case():
    made = with_application({"Path": "a", "Temp": "t"}, {"PATH": "b", "bad=name": "x", "zero": "\0"})
    assert made == {"PATH": "b", "Temp": "t"}


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("notepad.exe", True),
        ("%LOCALAPPDATA%\\App\\app.exe", True),
        ("C:\\Users\\ann\\app.exe", True),
        ("C:\\Program Files\\app.exe", False),
        ("\\\\server\\share\\app.exe", False),
    ],
)
def test_what_a_user_alone_may_have_is_known(name, theirs):
    assert may_be_the_users(name) is theirs


@pytest.mark.parametrize(
    ("command", "shell"),
    [
        (["explorer.exe"], True),
        (["C:\\WINDOWS\\Explorer.exe"], True),
        (["explorer.exe", "C:\\"], False),
        (["D:\\explorer.exe"], False),
    ],
)
def test_the_shell_by_itself_is_the_desktop(command, shell):
    made = found(command, "C:\\Windows\\explorer.exe", "D:\\explorer.exe")
    assert is_shell(command, made, ENVIRONMENT) is shell
