"""Links of a start menu, made by the shell itself: `python start_menu.py` under Windows reads them from standard input.

[{"path", "target", "arguments"?, "comment"?, "folder"?, "icon"?: [file, index]}, ..]
"""

from __future__ import annotations

import json
import sys
from typing import Any


def main() -> None:
    import pythoncom
    from win32com.shell import shell

    for wanted in json.load(sys.stdin):
        link = pythoncom.CoCreateInstance(
            shell.CLSID_ShellLink, None, pythoncom.CLSCTX_INPROC_SERVER, shell.IID_IShellLink
        )
        link.SetPath(wanted["target"])
        link.SetArguments(wanted.get("arguments", ""))
        link.SetDescription(wanted.get("comment", ""))
        link.SetWorkingDirectory(wanted.get("folder", ""))
        if "icon" in wanted:
            link.SetIconLocation(*wanted["icon"])
        link.QueryInterface(pythoncom.IID_IPersistFile).Save(wanted["path"], 0)


def make_links(windows: Any, links: list[dict[str, Any]]) -> None:
    """`windows`: a Wine; `path`s of Linux, whose folders are made."""
    for link in links:
        link["path"].parent.mkdir(parents=True, exist_ok=True)
    told = [{**link, "path": windows.path(link["path"])} for link in links]
    windows.python(windows.path(__file__), stdin=json.dumps(told).encode())


if __name__ == "__main__":
    main()
