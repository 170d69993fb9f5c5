"""The gateway's public face as the HTML5 client sees it, in one process: files, API (docs/api.md) and streams.

For tests of the client alone: real files, security headers, signatures, codec and grants; users, catalogue and
launches are made up, and each launch waits for the test to tell its stages.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from gateway.security_headers import security_headers
from gateway.static import StaticFiles
from portcullis.qr import modules
from portcullis.tickets import from_base64url, is_signed_by, request_message
from tests.support.fake_stream import FakeWorker
from web_client import ROOT

COOKIE = "__Host-portcullis-01234567"
PASSWORD = "correct horse battery staple"
CODE = "246810"
ENROLMENT_CODES = ("111222", "333444")
TOTP_SECRET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
RECOVERY_CODES = [f"abcde{digit}-fghjkm-npqrst-uvwxyz" for digit in "23456789ab"]
ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect x="8" y="4" width="32" height="40" rx="4" '
    b'fill="#f2c94c"/><path d="M14 14h20M14 22h20M14 30h12" stroke="#7a5b00" stroke-width="3"/></svg>'
)
LOGO = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="96" height="32" viewBox="0 0 96 32">'
    b'<circle cx="16" cy="16" r="14" fill="#e5b700"/>'
    b'<path d="M9 17l5 5 9-11" fill="none" stroke="#fff" stroke-width="4"/>'
    b'<path d="M40 8h50M40 16h38M40 24h44" stroke="#5a4a00" stroke-width="4"/></svg>'
)
THEME = {"title": "Initech Applications", "accent": "#e5b700", "logo": f"/api/v1/logos/{'cd' * 32}"}
"""An accent in which no text could be read."""
NAMES = (
    "Text editor",
    "Terminal",
    "Firefox",
    "Image viewer",
    "Office: Spreadsheet",
    "Database administration console",
    "Calculator",
    "Zeichenprogramm",
)


def error(status: int, code: str, message: str = "", **data: Any) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message, **data}}, status=status)


@dataclass
class FakeSession:
    id: str
    application: dict[str, Any]
    worker: FakeWorker
    state: str = "pending"
    created: float = field(default_factory=time.time)
    device_pixel_ratio: float = 1
    reference: str = "7f3a91c2"
    events: asyncio.Queue[tuple[str, dict[str, Any]]] = field(default_factory=asyncio.Queue)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "application": self.application,
            "host": "host-1",
            "state": self.state,
            "created": self.created,
            "device_pixel_ratio": self.device_pixel_ratio,
            "reference": self.reference,
        }


@dataclass
class FakePortal:
    """`async with FakePortal() as portal`: `portal.url` is what a browser opens."""

    organisations: list[str] = field(default_factory=list)
    theme: dict[str, Any] | None = None
    names: tuple[str, ...] = NAMES
    launch_refusal: web.Response | None = None
    wants_factor: bool = False
    failed_sign_ins: int = 0
    """A launch is refused until the code was given once more."""
    hold_stages: bool = False
    """A launch waits for `tell`; otherwise it is ready at once."""
    sessions: dict[str, FakeSession] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Sessions that the catalogue does not list any more."""
    endings: dict[str, str] = field(default_factory=dict)
    """Why sessions that are gone have ended, by id."""
    may_launch: asyncio.Event = field(default_factory=asyncio.Event)
    may_attach: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: the answer to a launch waits."""
    may_list: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: the catalogue waits."""
    outage: bool = False
    """The gateway finds no broker for the catalogue."""
    isolation: str = "accounts"
    enrolment_token: str = ""
    """Of the link that is good; "" once it is used. Its codes are ENROLMENT_CODES."""
    seconds_to_next_code: float = 0
    bad_signatures: int = 0
    _logins: dict[str, bytes] = field(default_factory=dict)
    _tickets: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def __aenter__(self) -> FakePortal:
        self.may_launch.set()
        self.may_attach.set()
        self.may_list.set()
        app = web.Application()
        app.on_response_prepare.append(self._add_headers)
        app.add_routes(
            [
                web.get("/api/v1/login", self._who),
                web.post("/api/v1/login", self._sign_in),
                web.delete("/api/v1/login", self._sign_out),
                web.post("/api/v1/login/factor", self._prove_factor),
                web.post("/api/v1/account/sign-out-everywhere", self._sign_out_everywhere),
                web.post("/api/v1/account/recovery-codes", self._renew_codes),
                web.post("/api/v1/enrolment{step:(/factor|/code|/completion)?}", self._enrol),
                web.get("/api/v1/catalogue", self._catalogue),
                web.get("/api/v1/icons/{hash}", self._icon),
                web.get("/api/v1/logos/{hash}", self._logo),
                web.post("/api/v1/sessions", self._launch),
                web.delete("/api/v1/sessions/{id}", self._log_off),
                web.get("/api/v1/sessions/{id}/stages", self._stages),
                web.post("/api/v1/sessions/{id}/ticket", self._ticket),
                web.post("/api/v1/sessions/{id}/grant", self._renew),
                web.get("/stream", self._stream),
                web.get("/{path:.*}", StaticFiles(ROOT).serve),
            ]
        )
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://localhost:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def only_session(self) -> FakeSession:
        (session,) = self.sessions.values()
        return session

    @property
    def worker(self) -> FakeWorker:
        return self.only_session.worker

    def tell(self, session: FakeSession, stage: str, **more: Any) -> None:
        session.events.put_nowait(("stage", {"stage": stage, "state": session.state, **more}))

    def ready(self, session: FakeSession) -> None:
        session.state = "ready"
        session.events.put_nowait(("ready", {}))

    def fail(self, session: FakeSession, code: str, message: str, reference: str) -> None:
        session.events.put_nowait(("failed", {"code": code, "message": message, "reference": reference}))

    def end(self, session_id: str, code: str) -> FakeSession:
        """Its stream is the caller's to close."""
        self.endings[session_id] = code
        return self.sessions.pop(session_id)

    def add_session(self, name: str, state: str = "disconnected", age_seconds: float = 0) -> FakeSession:
        application = next(each for each in self._applications() if each["name"] == name)
        session_id = secrets.token_hex(8)
        session = FakeSession(
            session_id, application, FakeWorker(session_id), state, time.time() - age_seconds
        )
        self.sessions[session_id] = session
        return session

    def forget_logins(self) -> None:
        self._logins.clear()

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(security_headers(None))

    def _applications(self) -> list[dict[str, Any]]:
        icon = f"/api/v1/icons/{'ab' * 32}"
        return [
            {"id": f"{number:016x}", "name": name, "icon": icon if number % 4 == 0 else None}
            for number, name in enumerate(self.names)
        ]

    # --- sign-in

    async def _who(self, request: web.Request) -> web.Response:
        if self._login(request) is None:
            return web.json_response(
                {
                    "signed_in": False,
                    "organisations": self.organisations,
                    "theme": self.theme,
                    "time": time.time(),
                }
            )
        return web.json_response(self._signed_in())

    def _signed_in(self) -> dict[str, Any]:
        return {
            "signed_in": True,
            "user": {"id": "1" * 16, "name": "demo"},
            "tenant": {"id": "0" * 16, "name": "acme"},
            "role": "user",
            "theme": self.theme or {"title": None, "accent": None, "logo": None},
            "expires": time.time() + 3600,
            "time": time.time(),
        }

    async def _sign_in(self, request: web.Request) -> web.Response:
        data = await request.json()
        key = from_base64url(data["client_key"])
        if not await self._is_signed(request, key):
            return error(401, "signature_refused")
        if data["username"] == "blocked":
            return error(429, "sign_in_blocked", retry_after_seconds=30)
        if data["username"] != "demo" or data["password"] != PASSWORD:
            return error(401, "sign_in_refused", "User name, password or verification code is wrong.")
        if "code" not in data:
            return web.json_response({"factor_required": True})
        if data["code"].lower() not in (CODE, RECOVERY_CODES[0]):
            return error(401, "sign_in_refused", "User name, password or verification code is wrong.")
        left = {"recovery_codes_left": 9} if data["code"] != CODE else {}
        if self.failed_sign_ins:
            left["failed_sign_ins"] = self.failed_sign_ins
        login = secrets.token_hex(32)
        self._logins[login] = key
        response = web.json_response({**self._signed_in(), **left})
        response.set_cookie(COOKIE, login, secure=True, httponly=True, samesite="Strict", path="/")
        return response

    async def _sign_out(self, request: web.Request) -> web.Response:
        if not await self._is_allowed(request):
            return error(401, "signed_out")
        del self._logins[request.cookies[COOKIE]]
        response = web.Response(status=204)
        response.del_cookie(COOKIE, secure=True, httponly=True, path="/")
        return response

    async def _sign_out_everywhere(self, request: web.Request) -> web.Response:
        if not await self._is_allowed(request):
            return error(401, "signed_out")
        self.forget_logins()
        return web.json_response({"merged": True})

    async def _renew_codes(self, request: web.Request) -> web.Response:
        if not await self._is_allowed(request):
            return error(401, "signed_out")
        if (await request.json())["code"] != CODE:
            return error(403, "factor_refused", "The verification code is wrong, or was used already.")
        return web.json_response({"recovery_codes": RECOVERY_CODES[::-1]}, status=201)

    def _login(self, request: web.Request) -> bytes | None:
        return self._logins.get(request.cookies.get(COOKIE, ""))

    async def _prove_factor(self, request: web.Request) -> web.Response:
        if not await self._is_allowed(request):
            return error(401, "signed_out")
        if (await request.json())["code"] not in (CODE, RECOVERY_CODES[0]):
            return error(403, "factor_refused", "The verification code is wrong, or was used already.")
        self.wants_factor = False
        return web.json_response({"factor_time": time.time()})

    async def _is_allowed(self, request: web.Request) -> bool:
        key = self._login(request)
        return key is not None and await self._is_signed(request, key)

    async def _is_signed(self, request: web.Request, key: bytes) -> bool:
        version, unix_ms, nonce, signature = request.headers["Portcullis-Signature"].split(" ")
        message = request_message(request.method, request.path_qs, await request.read(), int(unix_ms), nonce)
        fresh = abs(int(unix_ms) / 1000 - time.time()) < 60
        good = version == "v1" and fresh and is_signed_by(key, from_base64url(signature), message)
        self.bad_signatures += not good
        return good

    # --- enrolment

    async def _enrol(self, request: web.Request) -> web.Response:
        data, step = await request.json(), request.match_info["step"]
        if not self.enrolment_token or data["token"] != self.enrolment_token:
            return error(401, "enrolment_refused", "This link is used.")
        if "password" in data and data["password"] == "password":
            return error(422, "password_guessable", "It is easy to guess.", field="password")
        if step == "/factor":
            uri = f"otpauth://totp/Portcullis%20acme:demo?secret={TOTP_SECRET}&issuer=Portcullis%20acme"
            rows = ["".join("1" if dark else "0" for dark in row) for row in modules(uri, 4)]
            return web.json_response({"totp_secret": TOTP_SECRET, "totp_uri": uri, "qr": rows})
        if step == "/code" and data["code"] == ENROLMENT_CODES[0]:
            return web.json_response({"next_in_seconds": self.seconds_to_next_code})
        if step == "/completion" and tuple(data["codes"]) == ENROLMENT_CODES:
            self.enrolment_token = ""
            return web.json_response({"user": {"name": "demo"}, "recovery_codes": RECOVERY_CODES}, status=201)
        if step:
            return error(422, "code_refused", "The code is wrong.", field="code")
        expires = time.time() + 24 * 3600
        return web.json_response(
            {"user": {"name": "demo"}, "tenant": {"name": "acme"}, "expires": expires, "time": time.time()}
        )

    # --- work

    async def _catalogue(self, request: web.Request) -> web.Response:
        if self._login(request) is None:
            return error(401, "signed_out")
        await self.may_list.wait()
        if self.outage:
            return error(503, "broker_unreachable")
        sessions = [each.to_json() for each in self.sessions.values() if each.id not in self.gone]
        applications = self._applications()
        return web.json_response(
            {"applications": applications, "sessions": sessions, "isolation": self.isolation}
        )

    async def _logo(self, request: web.Request) -> web.Response:
        return web.Response(body=LOGO, content_type="image/svg+xml")

    async def _icon(self, request: web.Request) -> web.Response:
        return web.Response(body=ICON, content_type="image/svg+xml")

    async def _launch(self, request: web.Request) -> web.Response:
        if not await self._is_allowed(request):
            return error(401, "signed_out")
        if self.launch_refusal is not None:
            return self.launch_refusal
        if self.wants_factor:
            return error(409, "factor_needed", "A new verification code is needed.", reference="7f3a91c2")
        await self.may_launch.wait()
        data = await request.json()
        wanted = data["application"]
        for session in self.sessions.values():
            if session.application["id"] == wanted:
                return web.json_response({"session": session.to_json(), "reconnected": True}, status=201)
        name = next(each["name"] for each in self._applications() if each["id"] == wanted)
        session = self.add_session(name, "pending")
        session.device_pixel_ratio = data["display"]["device_pixel_ratio"]
        if not self.hold_stages:
            self.ready(session)
        return web.json_response({"session": session.to_json(), "reconnected": False}, status=201)

    async def _stages(self, request: web.Request) -> web.StreamResponse:
        session = self.sessions.get(request.match_info["id"])
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if session is None:
            code = self.endings[request.match_info["id"]]
            await self._send_event(response, "failed", {"code": code, "message": "", "reference": "7f3a2b1c"})
            return response
        if session.state == "ending":
            await self._send_event(response, "stage", {"stage": "ready", "state": "ending"})
            await asyncio.Event().wait()
        if session.state not in ("pending", "starting"):
            await self._send_event(response, "ready", {})
            return response
        await self._send_event(response, "stage", {"stage": "placed", "state": session.state})
        while True:
            kind, data = await session.events.get()
            await self._send_event(response, kind, data)
            if kind != "stage":
                return response

    async def _send_event(self, response: web.StreamResponse, kind: str, data: dict[str, Any]) -> None:
        await response.write(f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode())

    async def _log_off(self, request: web.Request) -> web.Response:
        if not await self._is_allowed(request):
            return error(401, "signed_out")
        if request.match_info["id"] not in self.sessions:
            return error(404, "session_unknown")
        session = self.end(request.match_info["id"], "logged_off")
        if session.worker.stream is not None:
            await session.worker.stream.close(code=4410)
        return web.Response(status=202)

    async def _ticket(self, request: web.Request) -> web.Response:
        if not await self._is_allowed(request):
            return error(401, "signed_out")
        await self.may_attach.wait()
        session_id = request.match_info["id"]
        if session_id not in self.sessions:
            return error(404, "session_ended")
        ticket = f"ticket_{'0' * 16}_{secrets.token_hex(32)}"
        self._tickets[ticket] = (session_id, request.cookies[COOKIE])
        return web.json_response({"ticket": ticket, "expires_in_seconds": 20})

    async def _renew(self, request: web.Request) -> web.Response:
        key = self._login(request)
        if key is None or not await self._is_signed(request, key):
            return error(401, "signed_out")
        return web.json_response({"grant": self.sessions[request.match_info["id"]].worker.grant("l", key)})

    # --- streams

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        assert request.headers["Origin"] == self.url
        return await self.worker.serve(request, self._redeem)

    def _redeem(self, ticket: str) -> str | None:
        session_id, login = self._tickets.pop(ticket, ("", ""))
        session = self.sessions.get(session_id)
        if session is None:
            return None
        session.worker.e += 1
        session.state = "active"
        return session.worker.grant(login, self._logins[login])
