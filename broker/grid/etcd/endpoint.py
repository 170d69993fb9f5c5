"""One endpoint of etcd: its channel, its methods, and one attempt at a call.

gRPC's own balancing is not used: it keeps feeding a member that hangs until its keepalive trips. `members` chooses.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # noqa: TID251  # its library writes to standard error, past our log
import grpc  # takes that from nowhere else

from broker.grid.etcd import messages
from broker.grid.etcd.address import Tls
from broker.grid.etcd.troubles import Missed, understood
from broker.grid.grid import GridUnavailable
from portcullis.settings import Address

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # etcd disconnects who pings more often than each 5 s, or without a call.
    ("grpc.keepalive_time_ms", 6000),
    ("grpc.keepalive_timeout_ms", 3000),
    ("grpc.http2.max_pings_without_data", 0),
    # A member that is back must be found within a second or two.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
)
_HAS_LEADER = (("hasleader", "true"),)
"""A member without a leader says so at once instead of waiting, and cuts its watches."""

RANGE = "KV/Range"
TXN = "KV/Txn"
COMPACT = "KV/Compact"
GRANT = "Lease/LeaseGrant"
REVOKE = "Lease/LeaseRevoke"
TIME_TO_LIVE = "Lease/LeaseTimeToLive"
STATUS = "Maintenance/Status"
MEMBER_LIST = "Cluster/MemberList"

_ANSWERS = {
    RANGE: messages.RangeResponse,
    TXN: messages.TxnResponse,
    COMPACT: messages.LeaseResponse,
    GRANT: messages.LeaseGrantResponse,
    REVOKE: messages.LeaseResponse,
    TIME_TO_LIVE: messages.LeaseResponse,
    STATUS: messages.StatusResponse,
    MEMBER_LIST: messages.MemberListResponse,
}


class Endpoint:
    """Belongs to the event loop that made it."""

    def __init__(self, address: Address, tls: Tls | None) -> None:
        self.address = address
        target = f"dns:///{address}"
        if tls is None:
            self._channel = grpc.aio.insecure_channel(target, options=_OPTIONS)
        else:
            credentials = grpc.ssl_channel_credentials(tls.ca, tls.key, tls.certificate)
            self._channel = grpc.aio.secure_channel(target, credentials, options=_OPTIONS)
        self._methods: dict[str, Any] = {
            name: self._channel.unary_unary(_path(name), _to_bytes, answer.FromString)
            for name, answer in _ANSWERS.items()
        }
        self._watches: set[Any] = set()
        self._watch = self._stream("Watch/Watch", messages.WatchResponse.FromString)
        self._keep_alive = self._stream("Lease/LeaseKeepAlive", messages.LeaseResponse.FromString)

    def __str__(self) -> str:
        return str(self.address)

    async def call(self, method: str, request: Any, seconds: float) -> Any:
        """Raises Missed, GridError, Lapsed, LeaseTaken."""
        metadata = None if method in (STATUS, MEMBER_LIST) else _HAS_LEADER
        try:
            return await self._methods[method](request, timeout=seconds, metadata=metadata)
        except grpc.RpcError as exc:
            raise understood(exc) from exc
        except asyncio.CancelledError as exc:
            raise cancellation() from exc

    async def keep_alive(self, lease: int, seconds: float) -> Any:
        """Raises Missed, GridError."""
        call = self._keep_alive(timeout=seconds, metadata=_HAS_LEADER)
        try:
            await call.write(messages.LeaseRequest(id=lease))
            answer = await call.read()
            if answer is grpc.aio.EOF:
                raise Missed("the stream ended")
            await call.done_writing()
            return answer
        except grpc.RpcError as exc:
            raise understood(exc) from exc
        except (asyncio.InvalidStateError, grpc.aio.InternalError) as exc:  # of a stream that has just died
            raise Missed(str(exc)) from exc
        except asyncio.CancelledError as exc:
            raise cancellation() from exc
        finally:
            call.cancel()

    def watch(self) -> Any:
        """A stream of watch requests and answers."""
        call = self._watch(metadata=_HAS_LEADER)
        self._watches.add(call)
        call.add_done_callback(self._watches.discard)
        return call

    async def close(self) -> None:
        for call in list(self._watches):  # the channel does not find them all
            call.cancel()
        await self._channel.close(grace=None)

    def _stream(self, name: str, answer: Callable[[bytes], Any]) -> Any:
        return self._channel.stream_stream(_path(name), _to_bytes, answer)


def cancellation() -> BaseException:
    """What a cancelled call means: its caller was, or the channel was closed under it."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        return asyncio.CancelledError()
    return GridUnavailable("the grid is closed")


def _path(name: str) -> str:
    return f"/etcdserverpb.{name}"


def _to_bytes(message: Any) -> bytes:
    encoded: bytes = message.SerializeToString()
    return encoded
