"""A person's page as the API sees it: a cookie, a P-256 key that signs every change, and several gateways to go to.

It follows the page's rules (web_client/api/client.js, lifeguard.js): a request that gets no answer, or is told that
nothing serves it now, goes to the next gateway as it is. Beyond them `answered` tries again until its deadline, as a
person would. What no gateway answers raises Unavailable.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp
import pyotp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from yarl import URL

from portcullis.errors import Refused, Unavailable
from portcullis.rest.client import REVISION_HEADER
from portcullis.tasks import cancel_and_wait, spawn
from portcullis.tickets import request_message, to_base64url

ATTEMPT_SECONDS = 20.0
SILENCE_SECONDS = 2.5
PROBE_SECONDS = 1.5
RETRY_SECONDS = 0.1
STEP_SECONDS = 30
ELSEWHERE = frozenset({502, 503, 504})


class BrowserKey:
    """What WebCrypto would hold."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())

    @property
    def public(self) -> bytes:
        """The raw 65-byte point."""
        return self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def sign(self, message: bytes) -> bytes:
        """r‖s, 64 bytes."""
        r, s = decode_dss_signature(self._private.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any

    @property
    def code(self) -> str:
        """Of the error; empty if it is none."""
        if self.status < 400:
            return ""
        try:
            return str(self.body["error"]["code"])
        except (KeyError, TypeError):
            return f"http_{self.status}"


@dataclass(frozen=True, slots=True)
class Factor:
    password: str
    totp_secret: str


class Person:
    """Use as an async context manager. `urls`: of the gateways; the one that answered last is asked first. `context`:
    for https, what is trusted."""

    def __init__(self, name: str, urls: Sequence[str], context: ssl.SSLContext | None = None) -> None:
        self.name = name
        self._context = context
        self.key = BrowserKey()
        self._urls = list(urls)
        self._origin = urls[0]
        self._revision = 0
        """The newest state that was seen: an older answer would take back what was just done."""
        self._cookies: dict[str, str] = {}
        self._http: aiohttp.ClientSession | None = None

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(self._urls)

    async def __aenter__(self) -> Person:
        connector = aiohttp.TCPConnector(ssl=self._context or True)
        self._http = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http:
            await self._http.close()

    def carry(self, cookie: str, value: str) -> None:
        """The cookie of a login that was made elsewhere, for this person's key."""
        self._cookies[cookie] = value

    def seen(self, revision: int) -> None:
        """Answers are to be at least as new."""
        self._revision = max(self._revision, revision)

    def turn(self) -> None:
        """The next gateway is asked first from now on."""
        self._urls.append(self._urls.pop(0))

    async def enrol(self, link: str) -> Factor:
        """By the codes of the two steps before this one, so that this one's can sign in. Raises Refused."""
        token = link.partition("#/enrol/")[2]
        password = " ".join(secrets.token_hex(4) for _ in range(3))
        made = await self.expect(
            201, 200, "POST", "/api/v1/enrolment/factor", {"token": token, "password": password}
        )
        secret = str(made["totp_secret"])
        step = int(time.time()) // STEP_SECONDS
        codes = [pyotp.TOTP(secret).generate_otp(step - 2 + n) for n in range(2)]
        body = {"token": token, "password": password, "codes": codes}
        answer = await self.answered("POST", "/api/v1/enrolment/completion", body)
        if (
            answer.status == 422
        ):  # the step has just changed, or two back is too old there: this one and the one before
            codes = [pyotp.TOTP(secret).generate_otp(step - 1 + n) for n in range(2)]
            answer = await self.answered("POST", "/api/v1/enrolment/completion", body | {"codes": codes})
        if answer.status != 201:
            raise Refused("internal_error", f"enrolling {self.name}: {answer.code}")
        return Factor(password, secret)

    async def sign_in(self, factor: Factor) -> None:
        """With this step's code; when that one is used up, with the next. Raises Refused."""
        body = {
            "username": self.name,
            "password": factor.password,
            "client_key": to_base64url(self.key.public),
        }
        answer = Answer(0, None)
        for ahead in (0, 1):
            step = int(time.time()) // STEP_SECONDS + ahead
            code = pyotp.TOTP(factor.totp_secret).generate_otp(step)
            answer = await self.answered("POST", "/api/v1/login", body | {"code": code})
            if answer.status == 200:
                return
        raise Refused("sign_in_refused", f"{self.name} cannot sign in: {answer.code}")

    async def expect(self, *words: Any) -> Any:
        """`expect(200, 201, method, path, data)`: the body of an answer with one of these. Raises Refused."""
        wanted = [word for word in words if isinstance(word, int)]
        method, path, *data = [word for word in words if not isinstance(word, int)]
        answer = await self.answered(method, path, *data)
        if answer.status not in wanted:
            raise Refused("internal_error", f"{method} {path}: {answer.status} {answer.code}")
        return answer.body

    async def answered(
        self,
        method: str,
        path: str,
        data: object = None,
        seconds: float = 30.0,
        final: frozenset[str] = frozenset(),
    ) -> Answer:
        """Goes on asking, gateway after gateway, until one answers something else than that nothing serves it, or
        with a code of `final`. Raises Unavailable after `seconds`."""
        deadline = time.monotonic() + seconds
        last = "no gateway answers"
        while True:
            body = b"" if data is None else json.dumps(data).encode()
            headers = {} if method == "GET" else self._signed(method, path, body)
            for _ in self._urls:  # the very same bytes: brokers know a signed request again, and do it once
                try:
                    answer = await self._guarded(method, path, body, headers)
                except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as exc:
                    last = str(exc) or type(exc).__name__
                else:
                    if answer.status not in ELSEWHERE or answer.code in final:
                        return answer
                    last = answer.code
                self.turn()
            if time.monotonic() > deadline:
                raise Unavailable("gateway_unreachable", last)
            await asyncio.sleep(RETRY_SECONDS)

    async def lives(self, url: str) -> bool:
        """Whether the gateway answers anything at all."""
        assert self._http, "use the person as a context manager"
        try:
            async with self._http.get(f"{url}/healthz", timeout=aiohttp.ClientTimeout(total=PROBE_SECONDS)):
                return True
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def _guarded(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Of the gateway that is first now. When it says nothing for a while it is asked whether it lives, and given
        up if it does not. Raises aiohttp.ClientError, TimeoutError, ValueError."""
        url = self._urls[0]
        task = spawn(_caught(self._once(url, method, path, body, headers)), name="drill-request")
        try:
            while True:
                done, _ = await asyncio.wait([task], timeout=SILENCE_SECONDS)
                if done:
                    result = task.result()
                    if isinstance(result, Answer):
                        return result
                    raise result
                if not await self.lives(url):
                    raise TimeoutError(f"{url} does not answer")
        finally:
            await cancel_and_wait(task)

    async def _once(self, url: str, method: str, path: str, body: bytes, signed: dict[str, str]) -> Answer:
        assert self._http, "use the person as a context manager"
        headers = dict(signed)
        if self._revision:
            headers[REVISION_HEADER] = str(self._revision)
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        async with self._http.request(
            method,
            URL(url + path, encoded=True),
            data=body or None,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=ATTEMPT_SECONDS),
        ) as response:
            for name, morsel in response.cookies.items():
                self._cookies[name] = morsel.value
            self._revision = max(self._revision, int(response.headers.get(REVISION_HEADER, "0")))
            raw = await response.read()
            return Answer(response.status, json.loads(raw) if raw else None)

    def _signed(self, method: str, path: str, body: bytes) -> dict[str, str]:
        unix_ms, nonce = int(time.time() * 1000), to_base64url(secrets.token_bytes(16))
        signature = self.key.sign(request_message(method, path, body, unix_ms, nonce))
        return {
            "Origin": self._origin,
            "Content-Type": "application/json",
            "Portcullis-Signature": f"v1 {unix_ms} {nonce} {to_base64url(signature)}",
        }


async def _caught(request: Coroutine[None, None, Answer]) -> Answer | Exception:
    """A gateway that goes away is what a drill is about, and no failure of a task."""
    try:
        return await request
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as exc:
        return exc
