"""The error tree of Portcullis. The table of stable codes is `portcullis.reasons`: add a code there.

Exception
└── PortcullisError        has a `code` from CODES and the data that the message needs
    ├── Refused            somebody asked for what they may not have, or cannot have now
    ├── InvalidInput       what was sent is malformed; names the field
    ├── ProtocolError      a peer broke the wire protocol
    └── Unavailable        a part that is needed cannot be reached now

`broker/http/errors.py` alone turns these into HTTP statuses; `portcullis/protocol/closing.py` holds the close codes
of streams.
"""

from __future__ import annotations

from portcullis.reasons import REASONS

CODES: dict[str, str] = {code: reason.meaning for code, reason in REASONS.items()}


class PortcullisError(Exception):
    """`code` is a key of CODES; `message` tells its reader what to do next and defaults to the table's."""

    def __init__(self, code: str, message: str | None = None, **data: object) -> None:
        if code not in CODES:
            raise LookupError(f"no such error code: {code}")
        super().__init__(message or CODES[code])
        self.code = code
        self.message = message or CODES[code]
        self.data = data

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"


class Refused(PortcullisError):
    """Somebody asked for what they may not have, or cannot have now."""


class InvalidInput(PortcullisError):
    """What was sent is malformed. `field` names the place in the reader's words, `expected` what belongs there."""

    def __init__(self, field: str, expected: str, code: str = "invalid_field") -> None:
        super().__init__(code, f"{field}: expected {expected}", field=field, expected=expected)
        self.field = field
        self.expected = expected


class ProtocolError(PortcullisError):
    """A peer broke the wire protocol; the connection is closed with the code."""

    def __init__(self, message: str, code: str = "protocol_error") -> None:
        super().__init__(code, message)


class Unavailable(PortcullisError):
    """A part that is needed cannot be reached now."""

    def __init__(self, code: str = "unavailable", message: str | None = None, **data: object) -> None:
        super().__init__(code, message, **data)
