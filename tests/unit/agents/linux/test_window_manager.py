import shlex
from pathlib import PurePath
from xml.etree import ElementTree

import pytest

from agents.linux import window_manager
from agents.linux.environment import scale

NAMESPACE = "{http://openbox.org/3.4/rc}"
FOLDER = PurePath("/run/a b&c/5e55")


@pytest.fixture
def configuration():
    return ElementTree.fromstring(window_manager.configuration(FOLDER, scale(1)))


def rule(configuration, kind):
    return {
        entry.tag.removeprefix(NAMESPACE): (entry.text or "").strip()
        for entry in configuration.find(f"{NAMESPACE}applications/{NAMESPACE}application[@type='{kind}']")
    }


def test_main_windows_fill_the_view_and_dialogs_float(configuration):
    assert rule(configuration, "normal").items() >= {"decor": "no", "maximized": "yes"}.items()
    assert rule(configuration, "dialog").items() >= {"decor": "yes", "maximized": "no"}.items()


def test_no_key_or_button_leads_out_of_the_application(configuration):
    actions = {action.get("name") for action in configuration.iter(f"{NAMESPACE}action")}
    of_windows = {"Close", "NextWindow", "PreviousWindow", "Move", "Resize", "Focus", "Raise"}
    assert actions == of_windows | {"If", "Unmaximize", "MoveResizeTo", "Maximize"}
    keys = {bind.get("key") for bind in configuration.iter(f"{NAMESPACE}keybind")}
    assert keys == {"A-F4", "A-Tab", "A-S-Tab", "W-S-Left", "W-S-Right"}
    assert configuration.findtext(f"{NAMESPACE}desktops/{NAMESPACE}number") == "1"


def test_menu_file_of_the_folder_is_named_and_empty(configuration):
    files = window_manager.files(FOLDER, scale(1))
    assert configuration.findtext(f"{NAMESPACE}menu/{NAMESPACE}file") == str(FOLDER / "menu.xml")
    assert len(ElementTree.fromstring(files["menu.xml"])) == 0


def test_resources_carry_the_scale_of_text():
    assert "Xft.dpi: 120\n" in window_manager.resources(scale(2.5))
    assert "XTerm*faceSize: 22\n" in window_manager.resources(scale(2.5))


def test_startup_command_survives_any_folder_name():
    startup = window_manager.command(PurePath("/run/it's/x y"))[-1]
    shell, option, script = shlex.split(startup)
    assert (shell, option) == ("sh", "-c")
    assert shlex.split(script)[3] == "/run/it's/x y/xresources;"


def test_programs_of_wine_keep_a_title_bar(configuration):
    last = configuration.findall(f"{NAMESPACE}applications/{NAMESPACE}application[@type='normal']")[-1]
    assert last.get("class") == "*.exe"
    assert [(entry.tag.removeprefix(NAMESPACE), entry.text) for entry in last] == [("decor", "yes")]
