"""A browser as the API sees one: a cookie, an origin, and a P-256 key that signs every change.

`ApiBrowser` speaks to a gateway at its public origin, or in front of a broker's own listener plays the
gateway too (`as_gateway=True` adds the headers that a gateway adds). Cookies are kept by hand: a jar would
not send `Secure` ones to 127.0.0.1 over http, as browsers do for localhost.
"""

from __future__ import annotations

import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import Morsel
from io import BytesIO
from typing import Any
from urllib.parse import quote

import aiohttp
import pyotp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from yarl import URL

from portcullis.tickets import request_message, to_base64url


class ClientKey:
    """The P-256 key that WebCrypto would hold."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public(self) -> bytes:
        """The raw 65-byte point."""
        return self._key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )

    def sign(self, message: bytes) -> bytes:
        """r‖s, 64 bytes, as WebCrypto makes it."""
        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def sign_request(self, method: str, path: str, body: bytes, at: float, nonce: str | None = None) -> str:
        """A `Portcullis-Signature`."""
        nonce = nonce or to_base64url(secrets.token_bytes(16))
        unix_ms = int(at * 1000)
        return self.header(unix_ms, nonce, self.sign(request_message(method, path, body, unix_ms, nonce)))

    @staticmethod
    def header(unix_ms: int, nonce: str, signature: bytes) -> str:
        return f"v1 {unix_ms} {nonce} {to_base64url(signature)}"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]
    cookies: Mapping[str, Morsel[str]] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """Of the error, if it is one."""
        return self.json["error"]["code"] if self.status >= 400 else None


@dataclass(frozen=True)
class ServerEvent:
    """One server-sent event; a comment has the name `comment` and its text."""

    name: str
    data: Any


class ApiBrowser:
    """Use as an async context manager."""

    def __init__(
        self,
        address: str,
        origin: str | None = None,
        *,
        as_gateway: bool = False,
        now: Callable[[], float] = time.time,
        key: ClientKey | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """`address`: where to connect (`http://127.0.0.1:8080`); `origin`: the public one, if it differs.

        `context`: whom to trust, under https.
        """
        self.key = key or ClientKey()
        self.cookies: dict[str, str] = {}
        self.origin = origin or address
        self.address = address
        self.as_gateway = as_gateway
        self._now = now
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> ApiBrowser:
        connector = aiohttp.TCPConnector(ssl=self._context or True)
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.request("GET", path, headers=headers)

    async def change(
        self,
        method: str,
        path: str,
        data: object = None,
        *,
        without: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
        tenant: str | None = None,
    ) -> Answer:
        """A change as our page sends it, in the `tenant` that was entered. `data`: JSON, or bytes as they are.
        `without`: headers to leave out, `headers`: headers to put over the right ones, for tests of what is refused.
        """
        body = b"" if data is None else data if isinstance(data, bytes) else json.dumps(data).encode()
        named = {} if tenant is None else {"Portcullis-Tenant": quote(tenant, safe="")}
        target = " ".join((path, *named.values()))
        sent = {
            **named,
            "Origin": self.origin,
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/json",
            "Portcullis-Signature": self.key.sign_request(method, target, body, self._now()),
            **(headers or {}),
        }
        return await self.request(method, path, body, {k: v for k, v in sent.items() if k not in without})

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """As it is, with cookies and what a gateway adds. Cookies that come back are kept."""
        async with self._open(method, path, body, headers) as response:
            for name, morsel in response.cookies.items():
                self._keep(name, morsel)
            return Answer(response.status, await response.read(), response.headers, response.cookies)

    async def events(self, path: str) -> AsyncIterator[ServerEvent]:
        """The server-sent events of `path` until the server ends them."""
        async with self._open("GET", path, b"", None) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            block: list[str] = []
            async for raw in response.content:
                line = raw.decode().rstrip("\n")
                if line:
                    block.append(line)
                elif block:
                    yield _event(block)
                    block = []

    async def sign_in(
        self,
        username: str,
        password: str,
        code: str | None = None,
        *,
        totp_secret: str | None = None,
        organisation: str | None = None,
    ) -> Answer:
        """With `totp_secret` the code is the one of now."""
        if totp_secret:
            code = str(pyotp.TOTP(totp_secret).at(int(self._now())))
        data = {
            "username": username,
            "password": password,
            "client_key": to_base64url(self.key.public),
            **({"code": code} if code is not None else {}),
            **({"organisation": organisation} if organisation is not None else {}),
        }
        return await self.change("POST", "/api/v1/login", data)

    async def sign_out(self) -> Answer:
        return await self.change("DELETE", "/api/v1/login")

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str] | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session, "use the browser as a context manager"
        sent = dict(headers or {})
        if self.cookies:
            sent.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if self.as_gateway:
            sent.setdefault("Portcullis-Origin", self.origin)
            sent.setdefault("Portcullis-Client-Address", "192.0.2.1")
        url = URL(self.address + path, encoded=True)  # the path is signed as it is sent
        async with self._session.request(
            method,
            url,
            data=BytesIO(body) if body else None,
            headers=sent,
            allow_redirects=False,
            skip_auto_headers=["User-Agent"],
        ) as response:
            yield response

    def _keep(self, name: str, morsel: Morsel[str]) -> None:
        if not morsel.value or morsel["max-age"] == "0":
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = morsel.value


def _event(block: list[str]) -> ServerEvent:
    fields = {}
    for line in block:
        name, _, value = line.partition(":")
        fields[name] = value.removeprefix(" ")
    if "" in fields:
        return ServerEvent("comment", fields[""])
    return ServerEvent(fields["event"], json.loads(fields["data"]))
