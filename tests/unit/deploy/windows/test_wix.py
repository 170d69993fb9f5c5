"""What Windows Installer is told, before wixl makes tables of it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from agents.windows import installation
from agents.windows import service as windows_service
from deploy.windows import wix

WIX = "{http://schemas.microsoft.com/wix/2006/wi}"
FILES = ("python.exe", "python311.dll", "Lib/site-packages/a/__init__.py", "Lib/site-packages/a & b/x.py")


def elements(version: str = "1.2.3", digest: str = "d", kind: str = "Component") -> list[ET.Element]:
    return list(ET.fromstring(wix.source(FILES, version, digest)).iter(WIX + kind))


def test_every_file_is_installed_once() -> None:
    assert sorted(each.attrib["Source"] for each in elements(kind="File")) == sorted(FILES)


def test_every_component_is_part_of_the_feature() -> None:
    named = {each.attrib["Id"] for each in elements(kind="ComponentRef")}
    assert named == {each.attrib["Id"] for each in elements()}


def test_names_in_the_tables_are_unique_and_short_enough() -> None:
    for kind in ("Component", "File", "Directory"):
        ids = [each.attrib["Id"] for each in elements(kind=kind)]
        assert len(ids) == len(set(ids)) and all(len(each) <= 72 for each in ids)


def test_two_versions_share_no_files_but_the_folders_around_them() -> None:
    one, other = ({each.attrib["Guid"] for each in elements(version)} for version in ("1.2.3", "1.2.4"))
    assert len(one & other) == 2


def test_what_is_inside_decides_which_product_it_is() -> None:
    ids = [elements("1.2.3", digest, "Product")[0].attrib["Id"] for digest in ("d", "e", "d")]
    assert ids[0] == ids[2] != ids[1]


def test_the_service_is_pythons_own_process_and_the_one_that_the_agent_knows() -> None:
    (service,) = elements(kind="ServiceInstall")
    arguments = " ".join(installation.SERVICE_ARGUMENTS)
    assert (service.attrib["Name"], service.attrib["Arguments"]) == (installation.SERVICE, arguments)
    assert installation.SERVICE == windows_service.NAME
    (top,) = (each for each in elements() if each.find(WIX + "ServiceInstall") is not None)
    key = [each.attrib["Source"] for each in top.findall(WIX + "File") if each.attrib["KeyPath"] == "yes"]
    assert key == ["python.exe"]


def test_without_a_python_nothing_is_made() -> None:
    with pytest.raises(ValueError):
        wix.source(("x/python.exe",), "1.2.3", "d")


@pytest.mark.parametrize("text", ["0.2.0", "255.255.65535", "1.20.300"])
def test_versions_of_three_numbers_can_be_packaged(text: str) -> None:
    assert wix.is_version(text)


@pytest.mark.parametrize("text", ["256.0.0", "1.2.65536", "1.2", "1.2.3.4", "1.2.3.dev4", "1.2.3'; DROP", ""])
def test_versions_that_windows_installer_would_not_compare_are_refused(text: str) -> None:
    assert not wix.is_version(text)
