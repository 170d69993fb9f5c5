"""A small synchronous client of the public REST API: one connection a request, JSON in and out, errors by code.

Raises Refused with the service's own code, InvalidInput when it names a field, Unavailable when nothing answers.
Redirects are not followed (the token would go along) and proxies are not asked.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from portcullis.errors import CODES, InvalidInput, PortcullisError, Refused, Unavailable
from portcullis.rest.profile import Profile
from portcullis.settings import Address

TIMEOUT_SECONDS = 30.0
REVISION_HEADER = "Portcullis-Revision"
TENANT_HEADER = "Portcullis-Tenant"
MAXIMUM_BODY_BYTES = 16 << 20
_UNADDRESSABLE = re.compile(r"[/\\%]|^\.{1,2}$")


class Client:
    def __init__(
        self, profile: Profile, timeout_seconds: float = TIMEOUT_SECONDS, tenant: str | None = None
    ) -> None:
        """`tenant`: to act in, where it is another one than the token's; it has been entered."""
        self._profile = profile
        self._timeout_seconds = timeout_seconds
        self._tenant = tenant
        self._url = urlsplit(profile.url)
        self._revision: str | None = (
            None  # of the last change: what follows sees it, whichever broker answers
        )

    def get(self, *segments: str, query: Mapping[str, str] | None = None) -> Any:
        return self.request("GET", segments, query=query)

    def items(self, *segments: str) -> list[dict[str, Any]]:
        """The items of a list answer."""
        answer = self.get(*segments)
        items = answer.get("items") if isinstance(answer, dict) else None
        if not isinstance(items, list):
            raise Unavailable("internal_error", f"{self._profile.url} answered no list")
        return items

    def content(self, *segments: str) -> bytes:
        """Of an answer that is no JSON, such as an icon."""
        path = "/api/v1/" + "/".join(quote(segment, safe="") for segment in segments)
        status, content = self._exchange("GET", path, None)
        if status >= 300:
            raise error_of(status, content, self._profile.url)
        return content

    def post(self, *segments: str, body: dict[str, Any]) -> Any:
        return self.request("POST", segments, body)

    def put(self, *segments: str, body: dict[str, Any]) -> Any:
        return self.request("PUT", segments, body)

    def delete(self, *segments: str) -> None:
        self.request("DELETE", segments)

    def request(
        self,
        method: str,
        segments: tuple[str, ...],
        body: dict[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """`segments` of the path below /api/v1 and `query` are quoted here, and a name that no path can hold goes the
        way that the API has for it. None when the answer has no body.
        """
        if segments and _UNADDRESSABLE.search(segments[-1]):
            segments, query = (*segments[:-1], "-"), {**(query or {}), "name": segments[-1]}
        path = "/api/v1/" + "/".join(quote(segment, safe="") for segment in segments)
        if query:
            path += "?" + urlencode(query)
        status, content = self._exchange(method, path, body)
        if status >= 300:
            raise error_of(status, content, self._profile.url)
        if not content:
            return None
        try:
            return json.loads(content)
        except ValueError as exc:
            raise not_portcullis(self._profile.url) from exc

    def _exchange(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, bytes]:
        headers = {
            "Host": self._url.netloc,
            "Authorization": f"Bearer {self._profile.token}",
            "Accept": "application/json",
        }
        if self._tenant is not None:
            headers[TENANT_HEADER] = quote(self._tenant, safe="")
        if self._revision:
            headers[REVISION_HEADER] = self._revision
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        connection = self._connection()
        try:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            answer = response.read(MAXIMUM_BODY_BYTES + 1)
            self._revision = response.getheader(REVISION_HEADER, self._revision)
        except ssl.SSLError as exc:
            raise Unavailable(
                "certificate_refused",
                f"{self._profile.url}: {exc.reason or exc}. Set ca_cert in the profile.",
            ) from exc
        except (OSError, http.client.HTTPException) as exc:
            raise Unavailable(
                "gateway_unreachable", f"{self._profile.url} does not answer: {exc or type(exc).__name__}"
            ) from exc
        finally:
            connection.close()
        if len(answer) > MAXIMUM_BODY_BYTES:
            raise not_portcullis(self._profile.url)
        return response.status, answer

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "http":
            # Plain http stays on this machine whatever a resolver says (RFC 6761, 6.3), and needs none.
            host = "127.0.0.1" if host == "localhost" else host
            return http.client.HTTPConnection(host, port, timeout=self._timeout_seconds)
        try:
            context = ssl.create_default_context(cafile=self._profile.ca_cert)
        except (OSError, ssl.SSLError) as exc:
            raise Unavailable("certificate_refused", f"ca_cert {self._profile.ca_cert}: {exc}") from exc
        if self._profile.ca_cert:
            # The file may hold the server's own certificate, or one on the way to its CA: what it names is trusted.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if self._profile.address is None:
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_seconds, context=context)
        return _Elsewhere(self._profile.address, host, port, self._timeout_seconds, context)


class _Elsewhere(http.client.HTTPSConnection):
    """To the server of a name at an address that the name does not lead to; its certificate is for the name."""

    def __init__(
        self, address: str, host: str, port: int | None, timeout_seconds: float, context: ssl.SSLContext
    ) -> None:
        super().__init__(host, port, timeout=timeout_seconds, context=context)
        self._address = Address.parse(address)
        self._tls = context
        self._timeout_seconds = timeout_seconds

    def connect(self) -> None:
        raw = socket.create_connection((self._address.host, self._address.port), self._timeout_seconds)
        try:
            self.sock = self._tls.wrap_socket(raw, server_hostname=self.host)
        except BaseException:
            raw.close()
            raise


def error_of(status: int, content: bytes, url: str) -> PortcullisError:
    """The exception that an error answer means. A code that this version does not know is shown in the message."""
    try:
        error = json.loads(content)["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        return not_portcullis(url, status)
    details = {
        key: error[key] for key in ("field", "expected", "reference") if isinstance(error.get(key), str)
    }
    if code not in CODES:
        return Refused("internal_error", f"{message} [{code}]", **details)
    if "field" in details and "expected" in details:
        invalid = InvalidInput(details["field"], details["expected"], code)
        invalid.data["findings"] = error.get("findings")
        return invalid
    if status >= 500:
        return Unavailable(code, message, **details)
    return Refused(code, message, **details)


def not_portcullis(url: str, status: int | None = None) -> Unavailable:
    shown = "" if status is None else f" (HTTP status {status})"
    return Unavailable("gateway_unreachable", f"{url} gave an answer that is not Portcullis's{shown}")
