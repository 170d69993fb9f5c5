"""What Windows Installer is told: the source of wixl (WiX 3), as a text. Pure.

Each version has a folder of its own, so that helpers of an older one keep their files until they end. A folder is one
component, whose identity follows from version and path; so does each file's name in the tables.

What a plain installation cannot do, `python -m agents.windows.installation` does, as deferred actions of the
system: `PrepareAgent` makes the folders of state, has the service restarted when it fails, and joins; `StartAgent`
starts the service, with more patience than Windows Installer has on a busy machine; `RemoveAgent` removes what was made
at a removal that is none of an upgrade.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath
from xml.sax.saxutils import escape, quoteattr

NAMESPACE = uuid.UUID("6d1f8f0e-8a0b-5d0e-9a53-3c1b7f6f4f10")
UPGRADE_CODE = "1C0E5B43-5D0C-5B0A-9C7C-0E5E8A2C9B71"
"""Of all versions, for ever: by it Windows Installer knows what replaces what."""
SERVICE = "PortcullisAgent"
PYTHON = "python.exe"

_PREPARE = (
    '-I -m agents.windows.installation prepare --broker "[BROKERURL]" --name "[HOSTNAME]" '
    '--token "[JOINTOKEN]" --token-file "[JOINTOKENFILE]"'
)
_START = "-I -m agents.windows.installation start"
_REMOVE = '-I -m agents.windows.installation remove --keep-identity "[KEEPIDENTITY]"'


def is_version(text: str) -> bool:
    match = re.fullmatch(r"(\d{1,3})\.(\d{1,3})\.(\d{1,5})", text)
    return match is not None and int(match[1]) < 256 and int(match[2]) < 256 and int(match[3]) < 65536


def source(files: Iterable[str], version: str, digest: str) -> str:
    """`files`: paths in the payload; `digest`: of all that is in it."""
    folders = _by_folder(files)
    if PYTHON not in folders[PurePosixPath()]:
        raise ValueError(f"{PYTHON} is not at the top")
    components: list[str] = []
    tree = _folder(PurePosixPath(), folders, version, components)
    references = "\n".join(f"      <ComponentRef Id={quoteattr(each)}/>" for each in components)
    return _PRODUCT.format(
        product=_guid("product", version, digest),
        upgrade=UPGRADE_CODE,
        version=version,
        outer=_guid("folder", "Portcullis"),
        inner=_guid("folder", "Portcullis", "Agent"),
        tree=tree,
        references=references,
        python=_id("f", version, PYTHON),
        prepare=escape(_PREPARE, {'"': "&quot;"}),
        start=escape(_START),
        remove=escape(_REMOVE, {'"': "&quot;"}),
    )


def replaces(version: str) -> str:
    """In SQL: what is older than this version, or another package of it (512)."""
    columns = "`UpgradeCode`, `VersionMax`, `Attributes`, `ActionProperty`"
    return (
        f"INSERT INTO `Upgrade` ({columns}) "  # noqa: S608  (a version is numbers)
        f"VALUES ('{{{UPGRADE_CODE}}}', '{version}', 513, 'WIX_UPGRADE_DETECTED')"
    )


def _by_folder(files: Iterable[str]) -> dict[PurePosixPath, list[str]]:
    folders: dict[PurePosixPath, list[str]] = defaultdict(list)
    for name in sorted(files):
        path = PurePosixPath(name)
        folders[path.parent].append(name)
        for parent in path.parents:
            folders[parent]  # so that the folders above are there, too
    return folders


def _folder(
    folder: PurePosixPath, folders: dict[PurePosixPath, list[str]], version: str, components: list[str]
) -> str:
    inside = []
    if folders[folder]:
        identifier = _id("c", version, str(folder))
        components.append(identifier)
        inside.append(_component(identifier, folder, folders[folder], version))
    for child in sorted(each for each in folders if each.parent == folder and each != folder):
        inside.append(
            f"<Directory Id={quoteattr(_id('d', version, str(child)))} Name={quoteattr(child.name)}>\n"
            f"{_folder(child, folders, version, components)}\n</Directory>"
        )
    return "\n".join(inside)


def _component(identifier: str, folder: PurePosixPath, files: list[str], version: str) -> str:
    is_top = folder == PurePosixPath()
    key = PYTHON if is_top else files[0]
    lines = [
        f"<File Id={quoteattr(_id('f', version, name))} Source={quoteattr(name)} "
        f'Name={quoteattr(PurePosixPath(name).name)} KeyPath="{"yes" if name == key else "no"}"/>'
        for name in files
    ]
    lines += [_SERVICE.format(name=SERVICE)] if is_top else []
    guid = _guid("component", version, str(folder))
    inside = "\n".join(lines)
    return f'<Component Id={quoteattr(identifier)} Guid="{guid}" Win64="yes">\n{inside}\n</Component>'


def _id(kind: str, version: str, path: str) -> str:
    return kind + hashlib.sha256(f"{version}\0{path}".encode()).hexdigest()[:32]


def _guid(*of: str) -> str:
    return str(uuid.uuid5(NAMESPACE, "\0".join(of))).upper()


_SERVICE = """\
<ServiceInstall Id="Service" Name="{name}" DisplayName="Portcullis agent"
  Description="Publishes applications and the desktop of this machine by a Portcullis site."
  Type="ownProcess" Start="auto" ErrorControl="normal" Vital="yes" Account="LocalSystem"
  Arguments="-I -m agents.windows.service"/>
<ServiceControl Id="Service" Name="{name}" Stop="both" Remove="uninstall" Wait="yes"/>"""

# REBOOT: an installation without questions never restarts the machine by itself. MSIRESTARTMANAGERCONTROL: programs
# that use files of an older version, which are the sessions, are not ended. 1501: what is there is removed inside of
# the installation, so that it comes back when this one fails.
_PRODUCT = """\
<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="{product}" Name="Portcullis agent" UpgradeCode="{upgrade}" Language="1033" Codepage="1252"
    Version="{version}" Manufacturer="Portcullis">
    <Package InstallerVersion="500" Compressed="yes" InstallScope="perMachine"
      Comments="Publishes applications and the desktop of this machine by a Portcullis site."/>
    <MajorUpgrade DowngradeErrorMessage="A later version of the Portcullis agent is installed."/>
    <Media Id="1" Cabinet="agent.cab" EmbedCab="yes"/>
    <Condition Message="The Portcullis agent needs 64-bit Windows 10, Windows Server 2016, or a later one.">\
VersionNT64 &gt;= 603</Condition>
    <Property Id="MsiHiddenProperties" Value="JOINTOKEN;PrepareAgent"/>
    <Property Id="REBOOT" Value="ReallySuppress"/>
    <Property Id="MSIRESTARTMANAGERCONTROL" Value="Disable"/>
    <Property Id="ARPNOMODIFY" Value="1"/>
    <Directory Id="TARGETDIR" Name="SourceDir">
      <Directory Id="ProgramFiles64Folder">
        <Directory Id="PortcullisFolder" Name="Portcullis">
          <Component Id="PortcullisFolder" Guid="{outer}" Win64="yes">
            <RemoveFolder Id="PortcullisFolder" On="uninstall"/>
          </Component>
          <Directory Id="AgentFolder" Name="Agent">
            <Component Id="AgentFolder" Guid="{inner}" Win64="yes">
              <RemoveFolder Id="AgentFolder" On="uninstall"/>
            </Component>
            <Directory Id="INSTALLDIR" Name="{version}">
{tree}
            </Directory>
          </Directory>
        </Directory>
      </Directory>
    </Directory>
    <CustomAction Id="PrepareAgent" FileKey="{python}" ExeCommand="{prepare}"
      Execute="deferred" Impersonate="no" Return="check"/>
    <CustomAction Id="StartAgent" FileKey="{python}" ExeCommand="{start}"
      Execute="deferred" Impersonate="no" Return="check"/>
    <CustomAction Id="RemoveAgent" FileKey="{python}" ExeCommand="{remove}"
      Execute="deferred" Impersonate="no" Return="ignore"/>
    <InstallExecuteSequence>
      <RemoveExistingProducts Sequence="1501"/>
      <Custom Action="RemoveAgent" Sequence="3450">REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE</Custom>
      <Custom Action="PrepareAgent" Sequence="5850">NOT REMOVE="ALL"</Custom>
      <Custom Action="StartAgent" Sequence="5910">NOT REMOVE="ALL"</Custom>
    </InstallExecuteSequence>
    <Feature Id="Agent" Title="Portcullis agent" Level="1">
      <ComponentRef Id="PortcullisFolder"/>
      <ComponentRef Id="AgentFolder"/>
{references}
    </Feature>
  </Product>
</Wix>
"""
