"""Logs as events with ids, one line an event, to standard error: as text, or as JSON for machines (docs/logs.md).

    2026-01-02T03:04:05.678Z info gateway stream runs session=1f.. connection=9a.. reference=7c..
    {"time": "2026-01-02T03:04:05.678Z", "level": "info", "part": "gateway", "message": "stream runs", "session": ...}

A module logs with `logging.getLogger(__name__)` and passes ids by `extra=ids(session=...)`. What every line of a piece
of work is about is bound around it: `with bound(session=..., reference=...)`; tasks and callbacks that begin inside
carry it. Values are made safe for one line here. Secrets have redacting reprs (`portcullis.ids`) and are not passed at
all; one that comes all the same, inside the text of an exception, is cut here.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from portcullis.errors import InvalidInput

FORMATS = ("text", "json")
FORMAT_HELP = "text, or json: one object a line."

_FIELDS = "portcullis_ids"
_bound: ContextVar[Mapping[str, object]] = ContextVar("portcullis_bound_ids")
_SECRET = re.compile(r"\b([a-z]{3,12}_[0-9a-f]{16}_)[0-9a-f]{8,64}", re.ASCII)


def ids(**fields: object) -> dict[str, Any]:
    """The `extra=` of a log call: the ids that the event is about."""
    return {_FIELDS: {name: value for name, value in fields.items() if value is not None}}


@contextlib.contextmanager
def bound(**fields: object) -> Iterator[None]:
    """Every line that is logged inside, by this task and by those begun here, carries these ids as well."""
    token = _bound.set(
        {**bound_ids(), **{name: value for name, value in fields.items() if value is not None}}
    )
    try:
        yield
    finally:
        _bound.reset(token)


def belong_to(**fields: object) -> None:
    """Every line of this process carries these ids from now on: a worker has one session."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, _Formatter):
            handler.formatter.always.update({name: value for name, value in fields.items() if value})


def bound_ids() -> Mapping[str, object]:
    return _bound.get({})


def configure(part: str, level: str = "info", form: str = "text") -> None:
    """Send the process's logs to standard error. `part`: broker, gateway, agent, worker, ...

    Raises InvalidInput for a level or form that there is not.
    """
    if form not in FORMATS:
        raise InvalidInput("--log-format", " or ".join(FORMATS))
    if level not in ("debug", "info", "warning", "error"):
        raise InvalidInput("--log-level", "debug, info, warning or error")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(part) if form == "json" else LineFormatter(part))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("websockets").setLevel(logging.WARNING)


class _Formatter(logging.Formatter):
    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part
        self.always: dict[str, object] = {}

    def _fields(self, record: logging.LogRecord) -> dict[str, object]:
        """Those of the call stand first; of a name that is bound as well, the call's value holds."""
        fields = dict(getattr(record, _FIELDS, {}))
        for name, value in (*bound_ids().items(), *self.always.items()):
            fields.setdefault(name, value)
        return fields


class LineFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = " ".join(
            (
                _moment(record),
                record.levelname.lower(),
                self._part,
                _one_line(record.getMessage()),
                *(f"{name}={_value(str(value))}" for name, value in self._fields(record).items()),
            )
        )
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return without_secrets(line)


class JsonFormatter(_Formatter):
    """ids stand beside the rest; one that has the name of a field of ours gets a `_` behind it."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, object] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "part": self._part,
            "message": record.getMessage(),
            "logger": record.name,
        }
        for name, value in self._fields(record).items():
            plain = value if isinstance(value, (bool, int, float)) else str(value)
            event[name + "_" if name in event or name == "exception" else name] = plain
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return without_secrets(json.dumps(event, separators=(", ", ": ")))


def without_secrets(text: str) -> str:
    """Every bearer secret in the text loses the part that is one."""
    return _SECRET.sub(r"\1…", text)


def _moment(record: logging.LogRecord) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"


def _value(text: str) -> str:
    """Quoted where it would else read as several fields."""
    if text and text.isprintable() and not set(text) & set(' "=\\'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_one_line(escaped)}"'


def _one_line(text: str) -> str:
    """Control characters could forge a line or drive a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
