"""Openbox as Portcullis uses it: the main window fills the view, dialogs float. Pure: texts and a command line.

Nothing leads out of the application: no menus, no other desktops, no iconifying (there is nothing to bring a
window back with); of the keys only Alt+F4 (close), Alt+Tab (the next window), Super+Shift+arrow (to the next
monitor) and those in dialogs are the window manager's. Openbox reports that it runs by its start-up command, after
loading the X resources, which toolkits read once, when they start.
"""

from __future__ import annotations

import shlex
from pathlib import PurePath
from xml.sax.saxutils import escape  # writes, never parses

from agents.linux.environment import Scale

READY = "portcullis-ready"
"""The line that tells the leader: windows are managed from now on."""

CONFIGURATION_FILE = "openbox.xml"
MENU_FILE = "menu.xml"
RESOURCES_FILE = "xresources"

_CONFIGURATION = """\
<?xml version="1.0" encoding="UTF-8"?>
<openbox_config xmlns="http://openbox.org/3.4/rc">
  <resistance><strength>10</strength><screen_edge_strength>0</screen_edge_strength></resistance>
  <focus>
    <focusNew>yes</focusNew>
    <focusLast>yes</focusLast>
    <followMouse>no</followMouse>
    <raiseOnFocus>yes</raiseOnFocus>
  </focus>
  <placement><policy>Smart</policy><center>yes</center></placement>
  <theme>
    <name>Clearlooks</name>
    <titleLayout>LC</titleLayout>
    <keepBorder>no</keepBorder>
    <animateIconify>no</animateIconify>
    {fonts}
  </theme>
  <desktops><number>1</number><firstdesk>1</firstdesk><popupTime>0</popupTime></desktops>
  <resize><drawContents>yes</drawContents><popupShow>Never</popupShow></resize>
  <margins><top>0</top><bottom>0</bottom><left>0</left><right>0</right></margins>
  <keyboard>
    <keybind key="A-F4"><action name="Close"/></keybind>
    <keybind key="A-Tab"><action name="NextWindow"><dialog>none</dialog><raise>yes</raise></action></keybind>
    <keybind key="A-S-Tab">
      <action name="PreviousWindow"><dialog>none</dialog><raise>yes</raise></action>
    </keybind>
    {to_monitors}
  </keyboard>
  <mouse>
    <dragThreshold>4</dragThreshold>
    <doubleClickTime>400</doubleClickTime>
    <context name="Titlebar">
      <mousebind button="Left" action="Drag"><action name="Move"/></mousebind>
    </context>
    <context name="Titlebar Top Right Bottom Left TLCorner TRCorner BRCorner BLCorner">
      <mousebind button="Left" action="Press">
        <action name="Focus"/><action name="Raise"/>
      </mousebind>
    </context>
    {edges}
    <context name="Client">
      <mousebind button="Left" action="Press"><action name="Focus"/><action name="Raise"/></mousebind>
      <mousebind button="Middle" action="Press"><action name="Focus"/><action name="Raise"/></mousebind>
      <mousebind button="Right" action="Press"><action name="Focus"/><action name="Raise"/></mousebind>
    </context>
    <context name="Close">
      <mousebind button="Left" action="Press"><action name="Focus"/><action name="Raise"/></mousebind>
      <mousebind button="Left" action="Click"><action name="Close"/></mousebind>
    </context>
  </mouse>
  <menu><file>{menu}</file></menu>
  <applications>
    <application type="normal">
      <decor>no</decor>
      <maximized>yes</maximized>
      <iconic>no</iconic>
      <desktop>1</desktop>
    </application>
    <application class="*.exe" type="normal">
      <decor>yes</decor>
    </application>
    <application type="dialog">
      <decor>yes</decor>
      <maximized>no</maximized>
      <iconic>no</iconic>
      <position force="no"><x>center</x><y>center</y></position>
    </application>
  </applications>
</openbox_config>
"""
_FONT_PLACES = ("ActiveWindow", "InactiveWindow", "MenuHeader", "MenuItem")
_EDGES = ("Top", "Bottom", "Left", "Right", "TLCorner", "TRCorner", "BLCorner", "BRCorner")


def files(folder: PurePath, scale: Scale) -> dict[str, str]:
    """What `folder` must hold: file name -> text."""
    return {
        CONFIGURATION_FILE: configuration(folder, scale),
        MENU_FILE: '<openbox_menu xmlns="http://openbox.org/3.4/menu"/>\n',
        RESOURCES_FILE: resources(scale),
    }


def _to_monitor(key: str, monitor: str) -> str:
    """A window that fills its monitor fills the other one too."""
    move = f'<action name="MoveResizeTo"><monitor>{monitor}</monitor></action>'
    full = f'<action name="Unmaximize"/>{move}<action name="Maximize"/>'
    choice = f'<action name="If"><maximized>yes</maximized><then>{full}</then><else>{move}</else></action>'
    return f'<keybind key="{key}">{choice}</keybind>'


def configuration(folder: PurePath, scale: Scale) -> str:
    """rc.xml: normal windows maximised without a frame, dialogs framed and centred, one desktop. Windows of Wine keep
    their title bar: it counts with one, and without it leaves a strip of that height bare."""
    return _CONFIGURATION.format(
        menu=escape(str(folder / MENU_FILE)),
        fonts="".join(
            f'<font place="{place}"><name>sans</name><size>{9 * scale.whole}</size></font>'
            for place in _FONT_PLACES
        ),
        to_monitors=_to_monitor("W-S-Right", "next") + _to_monitor("W-S-Left", "prev"),
        edges="".join(
            f'<context name="{edge}"><mousebind button="Left" action="Drag">'
            f'<action name="Resize"/></mousebind></context>'
            for edge in _EDGES
        ),
    )


def resources(scale: Scale) -> str:
    """X resources: the scale of text, and an xterm that draws with it and takes its whole part from here."""
    return "\n".join(
        (
            f"Xft.dpi: {scale.text_dpi}",
            "Xft.antialias: 1",
            "Xft.hinting: 1",
            "Xft.hintstyle: hintslight",
            "Xft.rgba: none",
            "XTerm*faceName: DejaVu Sans Mono",
            f"XTerm*faceSize: {11 * scale.whole}",
            "XTerm*locale: UTF-8",
            "XTerm*selectToClipboard: true",
            "",
        )
    )


def command(folder: PurePath) -> list[str]:
    """`folder` holds the files."""
    resources_file = shlex.quote(str(folder / RESOURCES_FILE))
    startup = f"sh -c {shlex.quote(f'xrdb -nocpp -load {resources_file}; echo {READY}')}"
    return [
        "openbox",
        "--sm-disable",
        "--config-file",
        str(folder / CONFIGURATION_FILE),
        "--startup",
        startup,
    ]
