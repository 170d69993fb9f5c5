"""Reading a JSON message strictly: every field has a type and a bound, what is unknown is ignored.

    fields = Fields.parse(text, maximum_bytes)
    name = fields.text("name", 128)

Every method raises ProtocolError naming the field. No I/O.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from portcullis.errors import ProtocolError
from portcullis.ids import is_id

T = TypeVar("T")


class Fields:
    """The fields of one JSON object; `place` leads to it in messages of errors."""

    def __init__(self, data: Any, place: str = "") -> None:
        if not isinstance(data, dict):
            raise ProtocolError(f"{place or 'message'}: expected an object")
        self._data: dict[str, Any] = data
        self._place = place

    @classmethod
    def parse(cls, text: str | bytes, maximum_bytes: int) -> Fields:
        raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        if len(raw) > maximum_bytes:
            raise ProtocolError(f"message: longer than {maximum_bytes} bytes")
        try:
            return cls(json.loads(raw.decode()))
        except (ValueError, RecursionError) as exc:
            raise ProtocolError("message: not JSON") from exc

    def holds(self, name: str) -> bool:
        return self._data.get(name) is not None

    def text(self, name: str, maximum: int) -> str:
        """A string of at most `maximum` characters; it holds no lone surrogate and no NUL."""
        value = self._get(name)
        if not isinstance(value, str) or len(value) > maximum or not _is_clean(value):
            raise self._expected(name, f"text of at most {maximum} characters")
        return value

    def optional_text(self, name: str, maximum: int) -> str | None:
        return None if self._data.get(name) is None else self.text(name, maximum)

    def choice(self, name: str, choices: Collection[T]) -> T:
        value = self._get(name)
        if not isinstance(value, str) or value not in choices:
            raise self._expected(name, "one of " + ", ".join(sorted(map(str, choices))))
        return value  # type: ignore[return-value]  # a member of `choices`

    def id(self, name: str) -> str:
        value = self._get(name)
        if not isinstance(value, str) or not is_id(value):
            raise self._expected(name, "16 hex digits")
        return value

    def hash(self, name: str) -> str:
        value = self._get(name)
        if not isinstance(value, str) or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
            raise self._expected(name, "64 hex digits")
        return value

    def integer(self, name: str, lowest: int, highest: int) -> int:
        value = self._get(name)
        if type(value) is not int or not lowest <= value <= highest:
            raise self._expected(name, f"a whole number from {lowest} to {highest}")
        return value

    def optional_integer(self, name: str, lowest: int, highest: int) -> int | None:
        return None if self._data.get(name) is None else self.integer(name, lowest, highest)

    def number(self, name: str, lowest: float, highest: float) -> float:
        value = self._get(name)
        # Compared first: `isfinite` overflows on a whole number of 400 digits. NaN fails every comparison.
        if type(value) not in (int, float) or not lowest <= value <= highest or not math.isfinite(value):
            raise self._expected(name, f"a number from {lowest} to {highest}")
        return float(value)

    def optional_number(self, name: str, lowest: float, highest: float) -> float:
        """0 where it is absent."""
        return 0.0 if self._data.get(name) is None else self.number(name, lowest, highest)

    def flag(self, name: str) -> bool:
        """False where it is absent: a peer that does not know it has not set it."""
        value = self._data.get(name, False)
        if type(value) is not bool:
            raise self._expected(name, "true or false")
        return value

    def inner(self, name: str) -> Fields:
        return Fields(self._get(name), self._at(name))

    def items(self, name: str, maximum: int, read: Callable[[Fields], T]) -> tuple[T, ...]:
        """A list of at most `maximum` objects, each read by `read`."""
        values = self._list(name, maximum)
        return tuple(read(Fields(value, f"{self._at(name)}[{i}]")) for i, value in enumerate(values))

    def optional_items(self, name: str, maximum: int, read: Callable[[Fields], T]) -> tuple[T, ...]:
        """Empty where it is absent."""
        return () if self._data.get(name) is None else self.items(name, maximum, read)

    def texts(self, name: str, maximum: int, maximum_characters: int) -> tuple[str, ...]:
        values = self._list(name, maximum)
        if not all(isinstance(v, str) and len(v) <= maximum_characters and _is_clean(v) for v in values):
            raise self._expected(name, f"texts of at most {maximum_characters} characters")
        return tuple(values)

    def optional_texts(self, name: str, maximum: int, maximum_characters: int) -> tuple[str, ...]:
        """Empty where it is absent."""
        return () if self._data.get(name) is None else self.texts(name, maximum, maximum_characters)

    def optional_map(self, name: str, maximum: int) -> dict[str, Any]:
        """An object of at most `maximum` entries, which are read by somebody else; empty where it is absent."""
        values = self._data.get(name)
        if values is None:
            return {}
        if not isinstance(values, dict) or len(values) > maximum:
            raise self._expected(name, f"an object of at most {maximum} entries")
        return dict(values)

    def text_map(self, name: str, maximum: int, maximum_characters: int) -> dict[str, str]:
        """An object of at most `maximum` texts, names included in the bound."""
        values = self._get(name)
        if not isinstance(values, dict) or len(values) > maximum:
            raise self._expected(name, f"an object of at most {maximum} entries")
        for key, value in values.items():
            if not isinstance(value, str) or max(len(key), len(value)) > maximum_characters:
                raise self._expected(name, f"texts of at most {maximum_characters} characters")
            if not _is_clean(key) or not _is_clean(value):
                raise self._expected(name, "clean text")
        return dict(values)

    def _list(self, name: str, maximum: int) -> list[Any]:
        values = self._get(name)
        if not isinstance(values, list) or len(values) > maximum:
            raise self._expected(name, f"a list of at most {maximum}")
        return values

    def _get(self, name: str) -> Any:
        if name not in self._data:
            raise ProtocolError(f"{self._at(name)}: missing")
        return self._data[name]

    def _at(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name

    def _expected(self, name: str, what: str) -> ProtocolError:
        return ProtocolError(f"{self._at(name)}: expected {what}")


def _is_clean(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
