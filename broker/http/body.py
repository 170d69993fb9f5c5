"""Request bodies: strict JSON, read once, and fields taken out of it by name and type.

Refused as a whole (`invalid_request`): more than 1 MiB, a content encoding, bytes that are not UTF-8, a key
twice, a number that is not finite, lone surrogates, nesting deeper than 16, anything but an object. Refused
by field (`invalid_field`): a missing, unknown or wrong one.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from aiohttp import web

from portcullis.errors import InvalidInput, Refused

MAXIMUM_BODY_BYTES = 1 << 20
MAXIMUM_DEPTH = 16
BODY_SECONDS = 30.0
"""A gateway sends a body as a whole; only a stranger lets it drip."""

T = TypeVar("T")


async def read_body(request: web.Request) -> bytes:
    """The whole body. Raises Refused("invalid_request")."""
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity" or (request.content_length or 0) > MAXIMUM_BODY_BYTES:
        raise _malformed("The body is too large or compressed.")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await request.read()
    except web.HTTPRequestEntityTooLarge as exc:
        raise _malformed("The body is larger than 1 MiB.") from exc
    except TimeoutError as exc:
        raise _malformed("The body did not come in time.") from exc
    except web.RequestPayloadError as exc:
        raise _malformed("The body is not what its head announced.") from exc
    if len(body) > MAXIMUM_BODY_BYTES:
        raise _malformed("The body is larger than 1 MiB.")
    return body


async def read_fields(request: web.Request) -> Fields:
    return Fields(parse_object(await read_body(request)))


def parse_object(body: bytes) -> dict[str, Any]:
    """Raises Refused("invalid_request") saying what is wrong."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_not_finite,
            parse_float=_finite_float,
        )
    except RecursionError as exc:
        raise _malformed("The JSON is nested too deeply.") from exc
    except ValueError as exc:
        raise _malformed("The body is not JSON in UTF-8.") from exc
    if not isinstance(value, dict):
        raise _malformed("The body is not a JSON object.")
    _check_depth_and_text(value, MAXIMUM_DEPTH)
    return value


class Fields:
    """An object's fields. Each is taken once; `finish` refuses those that nobody knows."""

    def __init__(self, values: dict[str, Any], path: str = "") -> None:
        self._values = values
        self._path = path
        self._known: set[str] = set()

    def name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def has(self, key: str) -> bool:
        return key in self._values

    def raw(self, key: str, default: Any = None) -> Any:
        self._known.add(key)
        return self._values.get(key, default)

    def text(self, key: str, expected: str, *, longest: int, default: str | None = None) -> str:
        """A string of 1 to `longest` characters without NUL."""
        value = self.raw(key, default)
        if not isinstance(value, str) or not 1 <= len(value) <= longest or "\0" in value:
            raise InvalidInput(self.name(key), expected)
        return value

    def optional_text(self, key: str, expected: str, *, longest: int) -> str | None:
        return None if self.raw(key) is None else self.text(key, expected, longest=longest)

    def flag(self, key: str, default: bool) -> bool:
        value = self.raw(key, default)
        if not isinstance(value, bool):
            raise InvalidInput(self.name(key), "true or false")
        return value

    def integer(self, key: str, lowest: int, highest: int, default: int | None = None) -> int:
        value = self.raw(key, default)
        if type(value) is not int or not lowest <= value <= highest:
            raise InvalidInput(self.name(key), f"a whole number from {lowest} to {highest}")
        return value

    def number(self, key: str, lowest: float, highest: float, default: float | None = None) -> float:
        value = self.raw(key, default)
        if type(value) not in (int, float) or not lowest <= value <= highest:
            raise InvalidInput(self.name(key), f"a number from {lowest:g} to {highest:g}")
        return float(value)

    def nested(self, key: str, default: dict[str, Any] | None = None) -> Fields:
        value = self.raw(key, default)
        if not isinstance(value, dict):
            raise InvalidInput(self.name(key), "an object")
        return Fields(value, self.name(key))

    def texts(
        self, key: str, check: Callable[[str], bool], expected: str, *, most: int, least: int = 0
    ) -> list[str]:
        """A list of strings; the error names the one that is wrong. Absent is empty, if that is allowed."""
        value = self.raw(key, [])
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise InvalidInput(self.name(key), f"a list of {least} to {most} strings")
        for index, item in enumerate(value):
            if not isinstance(item, str) or not check(item):
                raise InvalidInput(f"{self.name(key)}[{index}]", expected)
        return value

    def items(self) -> list[tuple[str, Any]]:
        """All of them, for a mapping whose keys are data."""
        self._known.update(self._values)
        return list(self._values.items())

    def finish(self) -> None:
        unknown = sorted(self._values.keys() - self._known)
        if unknown:
            raise InvalidInput(
                self.name(unknown[0][:64]), "only these fields: " + ", ".join(sorted(self._known))
            )


def _malformed(message: str) -> Refused:
    return Refused("invalid_request", message)


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key twice")
    return value


def _not_finite(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number out of range")
    return value


def _check_depth_and_text(value: Any, remaining: int) -> None:
    if remaining < 0:
        raise _malformed("The JSON is nested too deeply.")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as exc:
            raise _malformed("A string holds half a character.") from exc
    elif isinstance(value, list):
        for item in value:
            _check_depth_and_text(item, remaining - 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_depth_and_text(key, remaining)
            _check_depth_and_text(item, remaining - 1)
