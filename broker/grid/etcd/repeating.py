"""The same transaction again, after an attempt whose outcome is unknown. Pure.

Sealed bytes are random, so that a key which holds exactly what this transaction puts there was written by it. The
repetition asks that first, in the same transaction: for each of some of its puts, "if this key holds these bytes,
answer that item; else" the next one, and the transaction itself at the bottom. Several are asked, since another
broker may have gone on from our success meanwhile and written some of the keys again.

A transaction that only deletes leaves nothing to recognise: repeated after its success it fails its compares, and
its caller looks for what it meant to reach. One without a compare on a key that it puts may take effect twice, when
an attempt that was given up arrives late: nothing that must not is written so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from broker.grid.etcd import messages as m
from broker.grid.etcd.translation import first, get, outcome, transaction
from broker.grid.grid import Compare, Operation, Put, TxnResult

WITNESSES = 4
WITNESS_BYTES = 64 * 1024
"""Of all that are asked for together: they are sent a second time."""


def repetition(compares: Sequence[Compare], then: Sequence[Operation], otherwise: Sequence[Operation]) -> Any:
    request = transaction(compares, then, otherwise)
    for put in reversed(witnesses(then)):
        key = put.key.encode()
        holds = m.Compare(result=m.EQUAL, target=m.VALUE, key=key, value=put.value)
        request = m.TxnRequest(
            compare=[holds],
            success=[m.RequestOp(range=get(put.key))],
            failure=[m.RequestOp(txn=request)],
        )
    return request


def repeated_outcome(answer: Any, then: Sequence[Operation], otherwise: Sequence[Operation]) -> TxnResult:
    """What the transaction came to, at its own revision. What it deleted is not known any more."""
    revision = answer.header.revision
    for _ in witnesses(then):
        if answer.succeeded:
            item = first(answer.responses[0].range.kvs)
            return TxnResult(True, item.mod_revision if item else revision, {}, {})
        answer = answer.responses[0].txn
    result = outcome(answer, then, otherwise)
    return TxnResult(result.succeeded, revision, result.values, result.deleted)


def witnesses(then: Sequence[Operation]) -> list[Put]:
    """Small ones first; an empty value proves nothing."""
    puts = sorted((op for op in then if isinstance(op, Put) and op.value), key=lambda put: len(put.value))
    chosen: list[Put] = []
    size = 0
    for put in puts[:WITNESSES]:
        size += len(put.value)
        if size > WITNESS_BYTES:
            break
        chosen.append(put)
    return chosen
