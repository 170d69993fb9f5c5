"""What may go wrong with etcd, in an operator's words: gRPC's status codes and texts end here.

All are `GridUnavailable` to those who call the grid, with a code of their own (`portcullis.reasons`).
"""

from __future__ import annotations

from collections.abc import Callable

import grpc

from broker.grid.grid import GridError, GridUnavailable, InvalidTransaction, LeaseGone

_NOISE = "last error: "
NO_SPACE = "database space exceeded"


class EtcdTrouble(GridUnavailable):
    is_final = True


class GridUnreachable(EtcdTrouble):
    """No member answered in time. The outcome of a transaction is unknown."""

    code = "grid_unreachable"


class GridFull(EtcdTrouble):
    """A member's database is at its quota (etcd's alarm NOSPACE): nothing is written until the alarm is disarmed."""

    code = "grid_full"


class GridDenied(EtcdTrouble):
    """etcd's access control refuses this client's certificate name."""

    code = "grid_denied"


class GridTlsRefused(EtcdTrouble):
    """One of the two sides does not accept the other's certificate."""

    code = "grid_tls"


class GridReplaced(EtcdTrouble):
    """Another cluster answers than the one that this process began with, or the same one with an earlier state."""

    code = "grid_replaced"


class GridVersionRefused(EtcdTrouble):
    """This version of etcd loses data."""

    code = "grid_version"


class Missed(Exception):
    """This attempt has no answer; another member, or the same one later, may have."""


class Lapsed(Exception):
    """The revision asked for was compacted."""


class LeaseTaken(Exception):
    """A lease of this id exists."""


def understood(error: grpc.RpcError) -> Exception:
    """What a failed attempt means: `Missed`, or what asking again would not change."""
    code, text = error.code(), error.details() or ""
    verdict = _VERDICTS.get(code)
    if verdict is None:
        return Missed(f"{code.name}: {text.rpartition(_NOISE)[2]}")
    return verdict(text)


def _exhausted(text: str) -> Exception:
    if NO_SPACE in text:
        return GridFull(
            "etcd: the database of a member is full (alarm NOSPACE); docs/etcd.md tells what to do"
        )
    if "larger than max" in text:
        return InvalidTransaction(text)
    return Missed(text)


def _argument(text: str) -> Exception:
    if "user name is empty" in text or "authentication failed" in text:
        return _denied(text)
    return InvalidTransaction(text)


def _precondition(text: str) -> Exception:
    return LeaseTaken(text) if "lease already exists" in text else _denied(text)


def _denied(text: str) -> GridError:
    return GridDenied(f"etcd refuses this broker's certificate: {text}")


def _absent(text: str) -> Exception:
    return LeaseGone(text) if "lease" in text else Missed(text)


_VERDICTS: dict[grpc.StatusCode, Callable[[str], Exception]] = {
    grpc.StatusCode.RESOURCE_EXHAUSTED: _exhausted,
    grpc.StatusCode.INVALID_ARGUMENT: _argument,
    grpc.StatusCode.FAILED_PRECONDITION: _precondition,
    grpc.StatusCode.PERMISSION_DENIED: _denied,
    grpc.StatusCode.UNAUTHENTICATED: _denied,
    grpc.StatusCode.NOT_FOUND: _absent,
    grpc.StatusCode.OUT_OF_RANGE: Lapsed,
}
