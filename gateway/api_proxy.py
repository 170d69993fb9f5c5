"""`/api/v1/...`: passed on to a live broker, answer streamed back.

The broker decides; the gateway only keeps away what no client of ours sends: other paths in disguise, headers that
speak for the gateway, changes from foreign pages, large or compressed bodies. Event streams pass unbuffered. A request
whose broker was lost is put to another one: reads, and changes that a browser signed, for brokers recognise the
same signed request and do it once (docs/api.md).
"""

from __future__ import annotations

import asyncio
import re
from urllib.parse import unquote_to_bytes

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, MultiMapping

from gateway.brokers import Brokers
from gateway.origins import Origins
from gateway.takeover import has_body
from portcullis.errors import Refused, Unavailable
from portcullis.serving.guard import read_body

PREFIX = "/api/v1/"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE"})
SIGNATURE_HEADER = "Portcullis-Signature"
MAXIMUM_BODY_BYTES = 1024 * 1024
CHUNK_SECONDS = 30.0
EVENT_SECONDS = 600.0
"""How long an answer, or an event stream, may be silent."""

_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_READING = frozenset({"GET", "HEAD"})
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OURS = frozenset({"forwarded", "via", "x-real-ip", "portcullis-client-address", "portcullis-origin"})
_SET_ANEW = frozenset({"host", "content-length", "expect"})
_NOT_ANSWERED = frozenset({"server", "date"})


class ApiProxy:
    def __init__(self, brokers: Brokers, body_seconds: float) -> None:
        self._brokers = brokers
        self._body_seconds = body_seconds

    async def serve(self, request: web.Request) -> web.StreamResponse:
        reading = request.method in _READING
        self._check(request, reading)
        body = await read_body(request, MAXIMUM_BODY_BYTES, self._body_seconds)
        headers = forwarded_headers(request.headers)
        headers["Portcullis-Client-Address"] = _address(request)
        headers["Portcullis-Origin"] = self._brokers.origins.called_by(request.headers["Host"]) or ""
        async with self._brokers.request(
            request.method,
            request.raw_path,
            headers=headers,
            body=body,
            repeatable=reading or is_recognised(request.headers),
        ) as answer:
            return await self._pass_on(request, answer)

    def _check(self, request: web.Request, reading: bool) -> None:
        if request.method not in METHODS:
            raise web.HTTPMethodNotAllowed(request.method, METHODS)
        if not is_plain_path(request.raw_path):
            raise web.HTTPNotFound
        if "Content-Encoding" in request.headers:
            raise web.HTTPUnsupportedMediaType
        if not reading:
            check_change(request.headers, self._brokers.origins)
        elif has_body(request):
            raise web.HTTPBadRequest(reason="expected no body")

    async def _pass_on(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        dropped = _HOP_BY_HOP | _NOT_ANSWERED | _named_by_connection(answer.headers)
        headers = CIMultiDict((n, v) for n, v in answer.headers.items() if n.lower() not in dropped)
        headers.setdefault("Cache-Control", "no-store")
        response = web.StreamResponse(status=answer.status, headers=headers)
        events = answer.content_type == "text/event-stream"
        seconds = EVENT_SECONDS if events else CHUNK_SECONDS
        # An event stream begins before its first event; any other answer can become a 503 until its first byte.
        first = b"" if events else await self._next_chunk(answer, seconds)
        await response.prepare(request)
        try:
            chunk = first or await self._next_chunk(answer, seconds)
            while chunk:
                await response.write(chunk)
                chunk = await self._next_chunk(answer, seconds)
        except Unavailable as exc:
            _cut(request)
            raise ConnectionResetError("the answer broke off") from exc
        await response.write_eof()
        return response

    async def _next_chunk(self, answer: aiohttp.ClientResponse, seconds: float) -> bytes:
        """Empty at the end. Raises Unavailable, at once when the broker is lost and another is there."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds) as deadline:
                with self._brokers.watched(answer, lambda: deadline.reschedule(loop.time())):
                    return await answer.content.readany()
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise Unavailable("broker_unreachable") from exc


def is_recognised(headers: MultiMapping[str]) -> bool:
    """Whether a broker would know the request again: by the nonce that its signature covers."""
    return len(headers.getall(SIGNATURE_HEADER, [])) == 1 and "Authorization" not in headers


def is_plain_path(raw: str) -> bool:
    """Whether every reader takes the path for the same: no empty, dotted or disguised segment."""
    path = raw.partition("?")[0]
    if not path.startswith(PREFIX) or any(forbidden in path for forbidden in ";\\#"):
        return False
    segments = path.removeprefix("/").split("/")
    if path.count("%") != len(_ENCODED.findall(path)):
        return False
    return all(map(_is_plain_segment, segments)) and all(" " < character < "\x7f" for character in raw)


def _is_plain_segment(segment: str) -> bool:
    try:
        text = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        return False
    disguised = "/" in text or "\\" in text or _ENCODED.search(text) is not None
    return text not in ("", ".", "..") and text.isprintable() and not disguised


def check_change(headers: MultiMapping[str], origins: Origins) -> None:
    """Changes come from pages of ours, this gateway's or another one's, or from scripts, which have a token instead.

    Raises Refused.
    """
    named = headers.getall("Origin", [])
    is_script = not named and "Authorization" in headers
    host = headers.get("Host", "")
    if not is_script and not (len(named) == 1 and origins.allow(named[0], host)):
        raise Refused("origin_refused")
    is_ours = named == [origins.called_by(host)]
    if set(headers.getall("Sec-Fetch-Site", [])) - {"same-origin" if is_ours or is_script else "same-site"}:
        raise Refused("origin_refused")


def forwarded_headers(headers: MultiMapping[str]) -> CIMultiDict[str]:
    """Without those of the connection, and without those by which the gateway itself speaks to brokers."""
    dropped = _HOP_BY_HOP | _OURS | _SET_ANEW | _named_by_connection(headers)
    return CIMultiDict(
        (name, value)
        for name, value in headers.items()
        if name.lower() not in dropped and not name.lower().startswith("x-forwarded-")
    )


def _named_by_connection(headers: MultiMapping[str]) -> set[str]:
    values = headers.getall("Connection", [])
    return {name.strip().lower() for value in values for name in value.split(",")}


def _address(request: web.Request) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    if not peer:
        raise ConnectionResetError("the client has gone")
    return str(peer[0])


def _cut(request: web.Request) -> None:
    """An answer that broke off must not look complete."""
    if request.transport is not None:
        request.transport.abort()
