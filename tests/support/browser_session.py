"""The client of the tree in a page of its own, in front of a real worker: no portal, gateway, broker or agent.

    async with browser_session(session) as site:            # `session`: a WorkerSession
        await page.goto(site.url)                            # Playwright's or firefox.py's; `site.e` attaches so far
        await page.goto(site.view_url)                       # with toolbar, menus and dialogs, as the portal shows it

The page makes its key, tells it, and attaches; the text area has the focus and `drawn` is in its title once the first
picture is shown. `session` and `states` are the page's own names for the Session and the states it went through.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import WSMsgType, web
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side, State

from portcullis.protocol import messages as m
from portcullis.tickets import from_base64url
from tests.support.worker_session import WorkerSession
from web_client import ROOT

_PAGE = """<!doctype html><meta charset="utf-8"><title>starting</title>
<style>html, body, #session { margin: 0; width: 100%; height: 100%; overflow: hidden; position: relative; }</style>
<div id="session"></div>
<script type="module">
import { Session } from "/client/core/session.js";
import { Gateways } from "/client/core/gateways.js";
const key = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
const raw = new Uint8Array(await crypto.subtle.exportKey("raw", key.publicKey));
const name = btoa(String.fromCharCode(...raw)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const renew = async () => (await fetch("/grant?key=" + name)).text();
const session = new Session({
  element: document.getElementById("session"), label: "session", pixelRatio: devicePixelRatio,
  gateways: new Gateways(location.origin), sessionId: "SESSION", key,
  ticket: async () => name, renewGrant: renew,
});
Object.assign(window, { session, states: [], notices: [] });
session.addEventListener("state", ({ detail }) => states.push(detail.state + (detail.code ? ":" + detail.code : "")));
session.addEventListener("notice", ({ detail }) => notices.push(detail.code));
session.addEventListener("drawn", () => { document.title = "drawn"; session.focus(); });
session.connect();
</script>"""

_VIEW = """<!doctype html><html lang="en"><meta charset="utf-8"><title>starting</title>
<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-visual">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/client/styles/base.css"><link rel="stylesheet" href="/client/styles/portal.css">
<link rel="stylesheet" href="/client/styles/session.css">
<div id="portal"></div>
<script type="module">
import { SessionView } from "/client/app/session_view.js";
import { Gateways } from "/client/core/gateways.js";
const key = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
const raw = new Uint8Array(await crypto.subtle.exportKey("raw", key.publicKey));
const name = btoa(String.fromCharCode(...raw)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const api = {
  gateways: new Gateways(location.origin), key,
  ticket: async () => name,
  renewGrant: async () => (await fetch("/grant?key=" + name)).text(),
  async *stages() {},
  endingOf: async () => ({ code: "" }),
};
const actions = {
  start: async () => ({ id: "SESSION", state: "active" }),
  opened() {}, again() {}, signedOut() {}, leave(notice) { document.title = "left"; },
  inquire: async () => null, asked: null, userName: "demo",
};
const view = new SessionView(api, { id: "1", name: "Text editor", icon: null }, false, actions);
document.getElementById("portal").append(view.element);
</script>"""


class _Splice:
    """The client's WebSocket on one side, the worker's, whose handshake is done, on the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._ws = Protocol(Side.CLIENT, state=State.OPEN, max_size=1 << 26)

    async def run(self, browser: web.WebSocketResponse) -> None:
        towards_browser = asyncio.create_task(self._from_worker(browser))
        try:
            async for message in browser:
                if message.type is WSMsgType.BINARY and self._ws.state is State.OPEN:
                    self._ws.send_binary(message.data)
                    self._flush()
        finally:
            towards_browser.cancel()
            self._writer.close()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await towards_browser

    async def _from_worker(self, browser: web.WebSocketResponse) -> None:
        payload = bytearray()
        with contextlib.suppress(OSError):
            while data := await self._reader.read(1 << 16):
                self._ws.receive_data(data)
                self._flush()
                for frame in self._ws.events_received():
                    if frame.opcode in (Opcode.BINARY, Opcode.CONT):
                        payload += frame.data
                        if frame.fin:
                            await browser.send_bytes(bytes(payload))
                            payload.clear()
        close = self._ws.close_rcvd
        code = close.code if close and close.code not in (1005, 1006) else 4000
        await browser.close(code=code, message=close.reason.encode() if close else b"")

    def _flush(self) -> None:
        for data in self._ws.data_to_send():
            if data:
                self._writer.write(data)


class BrowserSession:
    def __init__(self, session: WorkerSession) -> None:
        self.session = session
        self.attaches = 0
        self.may_attach = asyncio.Event()
        """Cleared: whoever comes waits."""
        self.may_attach.set()
        self._streams: set[web.WebSocketResponse] = set()

    async def start(self) -> None:
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/view", self._view),
                web.get("/grant", self._grant),
                web.get("/stream", self._stream),
                web.static("/client", ROOT),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        # localhost: a secure context, which keys and clipboard need.
        self.url = f"http://localhost:{port}/"
        self.view_url = f"{self.url}view"

    async def stop(self) -> None:
        self.cut()
        await self._runner.cleanup()

    def cut(self) -> None:
        """Every connection is gone at once, without a Close frame."""
        for stream in list(self._streams):
            transport = stream._req.transport if stream._req is not None else None
            if transport is not None:
                transport.abort()

    async def _page(self, request: web.Request) -> web.Response:
        return self._html(_PAGE)

    async def _view(self, request: web.Request) -> web.Response:
        return self._html(_VIEW)

    def _html(self, page: str) -> web.Response:
        return web.Response(text=page.replace("SESSION", self.session.session), content_type="text/html")

    async def _grant(self, request: web.Request) -> web.Response:
        return web.Response(text=self.session.signed(client_key=from_base64url(request.query["key"])))

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        browser = web.WebSocketResponse(protocols=("portcullis.v1",), compress=False, max_msg_size=2 << 20)
        await browser.prepare(request)
        self._streams.add(browser)
        try:
            await self.may_attach.wait()
            (first,) = m.decode(await browser.receive_bytes())
            grant = self._admitted(first)
            await browser.send_bytes(m.encode(m.Admitted(grant)))
            reader, writer = await self.session.dial_raw(grant)
            self.attaches += 1
            await _Splice(reader, writer).run(browser)
        except TypeError:
            pass  # the browser left before it said anything
        finally:
            self._streams.discard(browser)
        return browser

    def _admitted(self, first: Any) -> str:
        if isinstance(first, m.AdmitGrant):
            return first.grant
        assert isinstance(first, m.AdmitTicket)
        self.session.e += 1
        return self.session.signed(client_key=from_base64url(first.ticket))


@contextlib.asynccontextmanager
async def browser_session(session: WorkerSession) -> AsyncIterator[BrowserSession]:
    site = BrowserSession(session)
    await site.start()
    try:
        yield site
    finally:
        await site.stop()
