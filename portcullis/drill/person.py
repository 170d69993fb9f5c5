"""A person's page as the API sees it: a cookie, a P-256 key that signs every change, and several gateways to go to.

A request that gets no answer, or is told that nothing serves it now, goes to the next gateway: `answered` keeps on
until its deadline. What no gateway answers raises Unavailable.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Sequence
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
from portcullis.tickets import request_message, to_base64url

ATTEMPT_SECONDS = 4.0
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
    """Use as an async context manager. `urls`: of the gateways; the one that answered last is asked first."""

    def __init__(self, name: str, urls: Sequence[str]) -> None:
        self.name = name
        self.key = BrowserKey()
        self._urls = list(urls)
        self._cookies: dict[str, str] = {}
        self._http: aiohttp.ClientSession | None = None

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(self._urls)

    async def __aenter__(self) -> Person:
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http:
            await self._http.close()

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
            try:
                answer = await self.once(method, path, data)
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as exc:
                last = str(exc) or type(exc).__name__
            else:
                if answer.status not in ELSEWHERE or answer.code in final:
                    return answer
                last = answer.code
            if time.monotonic() > deadline:
                raise Unavailable("gateway_unreachable", last)
            self.turn()
            await asyncio.sleep(RETRY_SECONDS)

    async def once(self, method: str, path: str, data: object = None) -> Answer:
        """From the gateway that is first now. Raises aiohttp.ClientError, TimeoutError, ValueError."""
        assert self._http, "use the person as a context manager"
        url = self._urls[0]
        body = b"" if data is None else json.dumps(data).encode()
        headers = {} if method == "GET" else self._signed(url, method, path, body)
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
            raw = await response.read()
            return Answer(response.status, json.loads(raw) if raw else None)

    def _signed(self, url: str, method: str, path: str, body: bytes) -> dict[str, str]:
        unix_ms, nonce = int(time.time() * 1000), to_base64url(secrets.token_bytes(16))
        signature = self.key.sign(request_message(method, path, body, unix_ms, nonce))
        return {
            "Origin": url,
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/json",
            "Portcullis-Signature": f"v1 {unix_ms} {nonce} {to_base64url(signature)}",
        }
