"""Named pipes between the service and a session's helper.

The service listens and the helper dials: a process of a user never serves one of the system's. Who may open the pipe
stands in its access list (`acl.pipe`); it has one instance, which must be the first of its name, is closed to other
machines, and who has come is asked of the kernel (`caller`). The helper looks at whom the pipe belongs to before it
says a word, and lets whoever serves it know its name and no more.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from typing import Any, cast

from portcullis.protocol.worker_channel import MAXIMUM_LINE_BYTES

PREFIX = "\\\\.\\pipe\\portcullis-"
BUSY = 231
_BUFFER_BYTES = 64 << 10
_DUPLEX, _OVERLAPPED, _FIRST_INSTANCE = 0x3, 0x40000000, 0x00080000
_REJECT_REMOTE = 0x8
_READ_WRITE, _OPEN_EXISTING = 0xC0000000, 3
_IDENTIFICATION_ONLY = 0x00100000 | 0x00010000
"""SECURITY_SQOS_PRESENT, SECURITY_IDENTIFICATION: the server may not act as its client."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end, as the kernel knows it."""

    pid: int
    windows_session: int


class PipeServer:
    """One pipe with one instance, for one caller at a time."""

    def __init__(self, name: str, sddl: str) -> None:
        """Raises OSError, also when somebody else has this name."""
        self._pipe: Any = _pipe_handle(_create(name, sddl))

    async def accept(self) -> tuple[Caller, Streams]:
        """Who comes first; once. Raises OSError."""
        pipe, self._pipe = self._pipe, None
        try:
            await _proactor().accept_pipe(pipe)
            found = caller(pipe.handle)
        except BaseException:
            pipe.close()
            raise
        return found, streams(pipe)

    def close(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None


def caller(handle: int) -> Caller:
    """Raises OSError."""
    import pywintypes
    import win32pipe

    try:
        return Caller(
            win32pipe.GetNamedPipeClientProcessId(handle), win32pipe.GetNamedPipeClientSessionId(handle)
        )
    except pywintypes.error as exc:
        raise OSError(f"nobody knows who has come: {exc}") from exc


def dial(name: str, owner: str) -> Streams:
    """`owner`: the SID that the pipe must belong to. Raises OSError."""
    import pywintypes
    import win32file

    try:
        handle = win32file.CreateFile(
            name, _READ_WRITE, 0, None, _OPEN_EXISTING, _OVERLAPPED | _IDENTIFICATION_ONLY, None
        )
    except pywintypes.error as exc:
        raise OSError(exc.winerror, exc.strerror) from exc
    pipe = _pipe_handle(handle.Detach())
    if (found := _owner(pipe.handle)) != owner:
        pipe.close()
        raise PermissionError(f"the pipe belongs to {found}, not to {owner}")
    return streams(pipe)


def streams(pipe: Any) -> Streams:
    """Of an overlapped handle that can be read and written. asyncio makes such transports for pipes that it created
    itself, by this method of its loop, which it does not publish."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2 * MAXIMUM_LINE_BYTES, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport = cast(Any, loop)._make_duplex_pipe_transport(pipe, protocol, extra={})
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def inheritable_pair() -> tuple[Any, int]:
    """Our end, and a handle that a child can inherit; nobody else can come between, for the pipe has no name that
    anybody could know in time and takes no second client. The handle is the caller's to close."""
    if sys.platform != "win32":
        raise OSError("Windows alone has such pipes")
    from asyncio import windows_utils

    ours, theirs = windows_utils.pipe(duplex=True, overlapped=(True, True))
    os.set_handle_inheritable(theirs, True)
    return windows_utils.PipeHandle(ours), theirs


def close_handle(handle: int) -> None:
    _pipe_handle(handle).close()


def inherited(handle: int) -> Streams:
    """In the child."""
    return streams(_pipe_handle(handle))


def _create(name: str, sddl: str) -> int:
    import pywintypes
    import win32pipe

    from agents.windows import acl

    try:
        handle = win32pipe.CreateNamedPipe(
            name,
            _DUPLEX | _OVERLAPPED | _FIRST_INSTANCE,
            _REJECT_REMOTE,
            1,
            _BUFFER_BYTES,
            _BUFFER_BYTES,
            0,
            acl.attributes(sddl),
        )
    except pywintypes.error as exc:
        raise OSError(exc.winerror, exc.strerror) from exc
    return int(handle.Detach())


def _pipe_handle(handle: int) -> Any:
    if sys.platform != "win32":
        raise OSError("Windows alone has such pipes")
    from asyncio import windows_utils

    return windows_utils.PipeHandle(handle)


def _owner(handle: int) -> str:
    import pywintypes
    import win32security

    try:
        found = win32security.GetSecurityInfo(
            handle, win32security.SE_KERNEL_OBJECT, win32security.OWNER_SECURITY_INFORMATION
        )
    except pywintypes.error as exc:
        raise OSError(exc.winerror, exc.strerror) from exc
    return str(win32security.ConvertSidToStringSid(found.GetSecurityDescriptorOwner()))


def _proactor() -> Any:
    return cast(Any, asyncio.get_running_loop())._proactor
