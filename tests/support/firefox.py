"""Debian's Firefox, driven by WebDriver BiDi; the pages look like Playwright's as far as they go.

    async with firefox(tmp_path) as browser:              # headless; `display` and `xauthority` show it on an X display
        page = await browser.page(width=1000, height=700)
        await page.goto(url)
        await page.until("() => document.title === 'Portcullis'")
        await page.click("button")                         # a real pointer, at the middle of the first that matches
        await page.press("Control+a", "Delete")            # real keys: names as Playwright has them

What the page complains of (console errors and warnings, uncaught errors) is kept in `complaints`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import websockets.asyncio.client

from tests.support.patience import patient

FIREFOX = "/usr/bin/firefox-esr"
STARTED_SECONDS = 60
WAIT_SECONDS = 15
_LOOKS_AGAIN_SECONDS = 0.02
_LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")

# https://w3c.github.io/webdriver/#keyboard-actions
KEYS = {
    "Backspace": "\ue003",
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Shift": "\ue008",
    "Control": "\ue009",
    "Alt": "\ue00a",
    "Escape": "\ue00c",
    "Space": " ",
    "PageUp": "\ue00e",
    "PageDown": "\ue00f",
    "End": "\ue010",
    "Home": "\ue011",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
    "Insert": "\ue016",
    "Delete": "\ue017",
    "Meta": "\ue03d",
    **{f"F{number}": chr(0xE030 + number) for number in range(1, 13)},
}
# What would open windows, ask the user or reach for the network by itself.
_PREFERENCES: dict[str, bool | int | str] = {
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.newtabpage.enabled": False,
    "browser.safebrowsing.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "browser.tabs.warnOnClose": False,
    "browser.warnOnQuit": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "focusmanager.testmode": False,  # else what automation sets keeps input methods and dead keys away
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "termsofuse.acceptedVersion": 999,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class FirefoxError(Exception):
    """The browser refused a command, or a script threw."""


class FirefoxPage:
    """One tab."""

    def __init__(self, browser: Firefox, context: str) -> None:
        self.complaints: list[str] = []
        self._browser = browser
        self._context = context

    async def goto(self, url: str) -> None:
        await self._command("browsingContext.navigate", url=url, wait="complete")

    async def reload(self) -> None:
        await self._command("browsingContext.reload", wait="complete")

    async def resize(self, width: int, height: int, pixel_ratio: float | None = None) -> None:
        """The page's view, in CSS pixels, whatever its window is."""
        size = {"width": width, "height": height}
        await self._command("browsingContext.setViewport", viewport=size, devicePixelRatio=pixel_ratio)

    async def evaluate(self, script: str, argument: object = None) -> Any:
        """The value of an expression, or what it gives as a function of `argument`; promises are waited for."""
        return (await self._judged(script, argument))[1]

    async def until(self, script: str, argument: object = None, seconds: float = WAIT_SECONDS) -> Any:
        """What `script` gives as soon as that is true, as JavaScript sees it."""
        async with asyncio.timeout(patient(seconds)):
            while not (judged := await self._judged(script, argument))[0]:
                await asyncio.sleep(_LOOKS_AGAIN_SECONDS)
        return judged[1]

    async def _judged(self, script: str, argument: object) -> tuple[bool, Any]:
        answer = await self._browser.command(
            "script.callFunction",
            functionDeclaration=_as_function(script),
            arguments=[{"type": "string", "value": json.dumps(argument)}],
            awaitPromise=True,
            target={"context": self._context},
            userActivation=True,
        )
        if answer["type"] == "exception":
            raise FirefoxError(answer["exceptionDetails"]["text"])
        is_true, value = json.loads(answer["result"]["value"])
        return is_true, value

    async def screenshot(self, path: Path | None = None) -> bytes:
        """PNG of the view."""
        png = base64.b64decode((await self._command("browsingContext.captureScreenshot"))["data"])
        if path is not None:
            path.write_bytes(png)
        return png

    # --- Keys and pointer, as a user's

    async def press(self, *strokes: str) -> None:
        """Each down and up: a character, a name of KEYS, or a chord such as `Control+Shift+a`."""
        await self._keys([action for stroke in strokes for action in _stroke(stroke)])

    async def type(self, text: str) -> None:
        await self.press(*text)

    async def down(self, key: str) -> None:
        await self._keys([{"type": "keyDown", "value": KEYS.get(key, key)}])

    async def up(self, key: str) -> None:
        await self._keys([{"type": "keyUp", "value": KEYS.get(key, key)}])

    async def click(self, where: str | tuple[int, int], button: int = 0) -> None:
        """A selector, or a point of the view in CSS pixels."""
        x, y = await self._middle(where) if isinstance(where, str) else where
        await self._pointer(
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": button},
            {"type": "pointerUp", "button": button},
        )

    async def move(self, x: int, y: int) -> None:
        await self._pointer({"type": "pointerMove", "x": x, "y": y})

    async def fill(self, selector: str, text: str) -> None:
        await self.click(selector)
        await self.press("Control+a", *text)

    async def close(self) -> None:
        await self._command("browsingContext.close")

    async def _middle(self, selector: str) -> tuple[int, int]:
        script = """(selector) => {
            const found = document.querySelector(selector);
            if (!found) return null;
            found.scrollIntoView({ block: "nearest" });
            const { x, y, width, height } = found.getBoundingClientRect();
            return width && height ? [Math.round(x + width / 2), Math.round(y + height / 2)] : null;
        }"""
        x, y = await self.until(script, selector)
        return x, y

    async def _pointer(self, *actions: dict[str, object]) -> None:
        await self._perform({"type": "pointer", "id": "mouse", "actions": list(actions)})

    async def _keys(self, actions: list[dict[str, object]]) -> None:
        await self._perform({"type": "key", "id": "keyboard", "actions": actions})

    async def _perform(self, source: dict[str, object]) -> None:
        await self._command("input.performActions", actions=[source])

    async def _command(self, method: str, **parameters: object) -> Any:
        return await self._browser.command(method, context=self._context, **parameters)


class Firefox:
    """The browser. `command` speaks WebDriver BiDi itself, for what pages have no method for."""

    def __init__(
        self, process: subprocess.Popen[bytes], socket: websockets.asyncio.client.ClientConnection
    ) -> None:
        self.process = process
        self.pages: list[FirefoxPage] = []
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.get_running_loop().create_task(self._read())

    async def page(self, width: int | None = None, height: int | None = None) -> FirefoxPage:
        """A new tab, in front; of this size whatever the window has."""
        context = (await self.command("browsingContext.create", type="tab"))["context"]
        page = FirefoxPage(self, context)
        self.pages.append(page)
        if width is not None and height is not None:
            await page.resize(width, height)
        return page

    async def command(self, method: str, **parameters: object) -> Any:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
            async with asyncio.timeout(patient(STARTED_SECONDS)):
                return await answer
        finally:
            del self._answers[number]

    async def stop(self) -> None:
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        await self._socket.close()

    async def _read(self) -> None:
        async for text in self._socket:
            message = json.loads(text)
            if message["type"] == "event":
                self._complain(message["method"], message["params"])
            elif (answer := self._answers.get(message["id"])) and not answer.done():
                self._settle(answer, message)

    @staticmethod
    def _settle(answer: asyncio.Future[Any], message: dict[str, Any]) -> None:
        if message["type"] == "error":
            answer.set_exception(FirefoxError(f"{message['error']}: {message['message']}"))
        else:
            answer.set_result(message["result"])

    def _complain(self, method: str, event: dict[str, Any]) -> None:
        if method == "log.entryAdded" and event["level"] in ("error", "warn"):
            for page in self.pages:
                if page._context == event["source"].get("context"):
                    page.complaints.append(f"{event['level']}: {event['text']}")


@contextlib.asynccontextmanager
async def firefox(
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    preferences: Mapping[str, bool | int | str] | None = None,
) -> AsyncIterator[Firefox]:
    """Its profile and home lie in `folder`. Headless, unless `environment` names a display (`XServer.environment`)."""
    environment = environment or {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    profile = folder / "firefox"
    profile.mkdir()
    lines = {**_PREFERENCES, **(preferences or {})}.items()
    (profile / "user.js").write_text(
        "".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in lines)
    )
    command = [FIREFOX, "--no-remote", "--new-instance", "--profile", str(profile)]
    command += ["--remote-debugging-port", "0", "about:blank"]
    if "DISPLAY" not in environment:
        command.append("--headless")
    with (folder / "firefox.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env={**environment, "HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    try:
        address = await _address(process, folder / "firefox.log")
        socket = await websockets.asyncio.client.connect(f"{address}/session", max_size=None, proxy=None)
        browser = Firefox(process, socket)
        try:
            capabilities = {"alwaysMatch": {"acceptInsecureCerts": True}}
            await browser.command("session.new", capabilities=capabilities)
            await browser.command("session.subscribe", events=["log.entryAdded"])
            yield browser
        finally:
            await browser.stop()
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(process.wait, patient(WAIT_SECONDS))
        process.kill()
        process.wait()


async def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    async with asyncio.timeout(patient(STARTED_SECONDS)):
        while not (match := _LISTENING.search(log.read_text(errors="replace"))):
            assert process.poll() is None, log.read_text(errors="replace")
            await asyncio.sleep(_LOOKS_AGAIN_SECONDS)
    return match[1]


def _as_function(script: str) -> str:
    """Values pass as JSON: WebDriver's own typed values say no more of what a test looks at."""
    return f"""async (argument) => {{
        const value = ({script}
        );
        const result = await (typeof value === "function" ? value(JSON.parse(argument)) : value);
        return JSON.stringify([Boolean(result), result ?? null]);
    }}"""


def _stroke(stroke: str) -> list[dict[str, object]]:
    names = [stroke] if len(stroke) == 1 else stroke.split("+")
    values = [KEYS.get(name, name) for name in names]
    down = [{"type": "keyDown", "value": value} for value in values]
    return [*down, *({"type": "keyUp", "value": value} for value in reversed(values))]
