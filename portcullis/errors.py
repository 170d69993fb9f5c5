"""The error tree of Portcullis and the table of stable codes.

Exception
└── PortcullisError        has a `code` from CODES and the data that the message needs
    ├── Refused            somebody asked for what they may not have, or cannot have now
    ├── InvalidInput       what was sent is malformed; names the field
    ├── ProtocolError      a peer broke the wire protocol
    └── Unavailable        a part that is needed cannot be reached now

A code is a promise: scripts match on it, `docs/troubleshooting` is ordered by it, and it never changes its meaning.
`broker/http/errors.py` alone turns these into HTTP statuses; `portcullis/protocol/closing.py` holds the close codes
of streams.
"""

from __future__ import annotations

CODES: dict[str, str] = {
    # sign-in
    "sign_in_refused": "User name, password or verification code is wrong.",
    "sign_in_blocked": "Too many attempts. Wait a little and try again.",
    "signed_out": "You are signed out. Sign in to go on.",
    "signature_refused": "This browser's key did not sign the request. Sign in again.",
    "origin_refused": "The request came from another site.",
    "token_refused": "The API token is unknown, expired or revoked.",
    "not_permitted": "Your role does not allow this.",
    # launch: refusals of the plan
    "application_unknown": "There is no such application.",
    "not_entitled": "You are not entitled to this application.",
    "application_disabled": "The application is disabled.",
    "user_disabled": "The account is disabled.",
    "quota_user": "You have reached the number of sessions you may run at once.",
    "no_host": "No host serves this application.",
    "host_offline": "The hosts that serve this application are not connected.",
    "host_draining": "The hosts that serve this application take no new sessions.",
    "host_full": "Every place on the hosts that serve this application is taken.",
    "launch_conflict": "Many launches at once: try again.",
    # launch: failures on the host
    "application_missing": "The application's command does not exist on the host.",
    "application_exited": "The application ended before it opened a window.",
    "window_timeout": "The application did not open a window in time.",
    "display_failed": "The display on the host failed.",
    "account_failed": "The account could not be prepared on the host.",
    "worker_failed": "The session's streaming process ended.",
    "host_lost": "The host did not answer in time.",
    # sessions and streams
    "session_unknown": "There is no such session.",
    "session_ended": "The session has ended.",
    "session_not_ready": "The session is not ready yet.",
    "application_closed": "The application was closed.",
    "logged_off": "The session was logged off.",
    "ticket_refused": "The ticket is unknown, used or expired.",
    "grant_refused": "The grant is expired or not valid.",
    "proof_refused": "This browser's key does not match the grant.",
    "taken_over": "The session was opened in another window.",
    "too_many_connections": "Too many connections.",
    "host_unreachable": "The host does not answer.",
    "broker_unreachable": "No broker answers.",
    "gateway_unreachable": "No gateway answers.",
    "protocol_error": "The peer broke the protocol.",
    "version_unsupported": "Client and host have no protocol version in common.",
    "admission_timeout": "The client did not present itself in time.",
    "proof_timeout": "The client did not prove its key in time.",
    # requests
    "invalid_request": "The request is malformed.",
    "invalid_field": "A field has a wrong value.",
    "not_found": "There is no such thing.",
    "already_exists": "A thing of this name exists already.",
    "changed_meanwhile": "It was changed meanwhile: read it again.",
    "reference_unknown": "No launch is kept under this reference.",
    "unavailable": "The service cannot do this now.",
    "internal_error": "Something went wrong. It is in the log under the reference.",
    # enrolment
    "join_refused": "The join token is unknown, used or expired.",
    "certificate_refused": "The certificate is not valid for this.",
}


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
