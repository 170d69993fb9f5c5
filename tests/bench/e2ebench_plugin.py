"""Portcullis for e2ebench, a benchmark of HTML5 remote displays that lives elsewhere and takes a plug-in by path:

    PORTCULLIS_BENCH_CLONE=<a clone whose quickstart runs> python bench.py <this file> --width 1920 --height 1080

Its Python needs this project's test dependencies beside its own. It starts its applications on the session's display.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from playwright.sync_api import Page, sync_playwright
from plugins.base import Product  # of e2ebench

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.products import installation, portcullis
from tests.bench.viewing import CHROMIUM


class Plugin(Product):
    name = "portcullis"
    origin: ClassVar = {"left": 0, "top": 0, "sx": 1, "sy": 1}

    def start(self) -> None:
        self.stack = contextlib.ExitStack()
        site = self.stack.enter_context(installation())
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_context(viewport={"width": self.width, "height": self.height}).new_page()
            self.product = self.stack.enter_context(portcullis(site, page))
            browser.close()
        self.display, self.url, self.ports = self.product.display, self.product.url, [self.product.port]
        self.app_env = {"XAUTHORITY": self._authority()}
        os.environ.update(self.app_env)

    def _authority(self) -> str:
        """The session's cookie under this host's name: python-xlib finds no other."""
        path = f"{self.tmp}/xauthority"
        given = ["xauth", "-f", self.product.environment["XAUTHORITY"], "nlist"]
        cookie = subprocess.run(given, capture_output=True, text=True, check=True).stdout.split()[-1]
        name = f"{socket.gethostname()}/unix{self.display}"
        subprocess.run(["xauth", "-q", "-f", path, "add", name, "MIT-MAGIC-COOKIE-1", cookie], check=True)
        return path

    def open(self, page: Page) -> None:
        # The harness waits by evaluating strings, which the page's policy forbids.
        page.context.new_cdp_session(page).send("Page.setBypassCSP", {"enabled": True})
        self.product.open(page)

    def root_pids(self) -> list[int]:
        return self.product.roots()

    def stop(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    def versions(self) -> dict[str, str]:
        return {"portcullis": self.product.versions}

    def settings(self) -> str:
        return "the quickstart as it is, lossless tiles"
