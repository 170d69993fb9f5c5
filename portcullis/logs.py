"""Logs as events with ids: one line an event, `time level part message key=value...`, to standard error.

A module logs with `logging.getLogger(__name__)` and passes ids by `extra=ids(session=..., reference=...)`; values are
made safe for one line here. Secrets have redacting reprs (`portcullis.ids`) and are not passed at all.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

_FIELDS = "portcullis_ids"


def ids(**fields: object) -> dict[str, Any]:
    """The `extra=` of a log call: the ids that the event is about."""
    return {_FIELDS: {name: value for name, value in fields.items() if value is not None}}


def configure(part: str, level: str = "info") -> None:
    """Send the process's logs to standard error. `part`: broker, gateway, agent, worker, ..."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(part))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("websockets").setLevel(logging.WARNING)


class LineFormatter(logging.Formatter):
    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields = getattr(record, _FIELDS, {})
        line = " ".join(
            (
                f"{moment}.{int(record.msecs):03d}Z",
                record.levelname.lower(),
                self._part,
                _one_line(record.getMessage()),
                *(f"{name}={_value(str(value))}" for name, value in fields.items()),
            )
        )
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def _value(text: str) -> str:
    """Quoted where it would else read as several fields."""
    if text and text.isprintable() and not set(text) & set(' "=\\'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_one_line(escaped)}"'


def _one_line(text: str) -> str:
    """Control characters could forge a line or drive a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
