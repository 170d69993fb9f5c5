"""The functions of Windows that this package calls, each with its types; a library is loaded when it is first used.

What is not declared here cannot be called: a handle that ctypes takes for a 32-bit number works until it is a larger
one.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping
from ctypes import POINTER, c_int32, c_uint32, c_void_p, c_wchar_p
from functools import cache
from types import SimpleNamespace
from typing import Any

from agents.windows.structures import (
    BOOL,
    DWORD,
    HANDLE,
    HOOKPROC,
    LONG,
    LPARAM,
    LRESULT,
    UINT,
    WCHAR,
    WINEVENTPROC,
    WNDENUMPROC,
    WORD,
    WPARAM,
    BitmapInfo,
    CursorInfo,
    DisplayMode,
    GuiThread,
    IconInfo,
    InputRecord,
    Message,
    MessageSource,
    Point,
    Rect,
    WindowClass,
)

Prototypes = Mapping[str, tuple[Any, tuple[Any, ...]]]
"""Name -> type of the result, types of the arguments."""

_USER32: Prototypes = {
    "AddClipboardFormatListener": (BOOL, (HANDLE,)),
    "CallNextHookEx": (LRESULT, (HANDLE, c_int32, WPARAM, LPARAM)),
    "ChangeDisplaySettingsExW": (LONG, (c_wchar_p, POINTER(DisplayMode), HANDLE, DWORD, c_void_p)),
    "CloseClipboard": (BOOL, ()),
    "CloseDesktop": (BOOL, (HANDLE,)),
    "CreateWindowExW": (
        HANDLE,
        (
            DWORD,
            c_wchar_p,
            c_wchar_p,
            DWORD,
            c_int32,
            c_int32,
            c_int32,
            c_int32,
            HANDLE,
            HANDLE,
            HANDLE,
            c_void_p,
        ),
    ),
    "DefWindowProcW": (LRESULT, (HANDLE, UINT, WPARAM, LPARAM)),
    "DestroyWindow": (BOOL, (HANDLE,)),
    "DispatchMessageW": (LRESULT, (POINTER(Message),)),
    "EmptyClipboard": (BOOL, ()),
    "EnumDisplaySettingsW": (BOOL, (c_wchar_p, DWORD, POINTER(DisplayMode))),
    "EnumWindows": (BOOL, (WNDENUMPROC, LPARAM)),
    "FindWindowExW": (HANDLE, (HANDLE, HANDLE, c_wchar_p, c_wchar_p)),
    "FindWindowW": (HANDLE, (c_wchar_p, c_wchar_p)),
    "GetAncestor": (HANDLE, (HANDLE, UINT)),
    "GetClassNameW": (c_int32, (HANDLE, POINTER(WCHAR), c_int32)),
    "GetClipboardData": (HANDLE, (UINT,)),
    "GetClipboardOwner": (HANDLE, ()),
    "GetClipboardSequenceNumber": (DWORD, ()),
    "GetCurrentInputMessageSource": (BOOL, (POINTER(MessageSource),)),
    "GetCursorInfo": (BOOL, (POINTER(CursorInfo),)),
    "GetDC": (HANDLE, (HANDLE,)),
    "GetDpiForSystem": (UINT, ()),
    "GetForegroundWindow": (HANDLE, ()),
    "GetGUIThreadInfo": (BOOL, (DWORD, POINTER(GuiThread))),
    "GetIconInfo": (BOOL, (HANDLE, POINTER(IconInfo))),
    "GetKeyState": (ctypes.c_int16, (c_int32,)),
    "GetKeyboardLayout": (HANDLE, (DWORD,)),
    "GetLayeredWindowAttributes": (
        BOOL,
        (HANDLE, POINTER(DWORD), POINTER(ctypes.c_uint8), POINTER(DWORD)),
    ),
    "GetMessageW": (BOOL, (POINTER(Message), HANDLE, UINT, UINT)),
    "GetPropW": (HANDLE, (HANDLE, c_wchar_p)),
    "GetSystemMetrics": (c_int32, (c_int32,)),
    "GetUserObjectInformationW": (BOOL, (HANDLE, c_int32, c_void_p, DWORD, POINTER(DWORD))),
    "GetWindow": (HANDLE, (HANDLE, UINT)),
    "GetWindowLongW": (LONG, (HANDLE, c_int32)),
    "GetWindowRect": (BOOL, (HANDLE, POINTER(Rect))),
    "GetWindowRgn": (c_int32, (HANDLE, HANDLE)),
    "GetWindowTextW": (c_int32, (HANDLE, POINTER(WCHAR), c_int32)),
    "GetWindowThreadProcessId": (DWORD, (HANDLE, POINTER(DWORD))),
    "IsClipboardFormatAvailable": (BOOL, (UINT,)),
    "IsIconic": (BOOL, (HANDLE,)),
    "IsWindowEnabled": (BOOL, (HANDLE,)),
    "IsWindowVisible": (BOOL, (HANDLE,)),
    "LoadCursorW": (HANDLE, (HANDLE, c_void_p)),
    "MapVirtualKeyExW": (UINT, (UINT, UINT, HANDLE)),
    "OpenClipboard": (BOOL, (HANDLE,)),
    "OpenInputDesktop": (HANDLE, (DWORD, BOOL, DWORD)),
    "PostMessageW": (BOOL, (HANDLE, UINT, WPARAM, LPARAM)),
    "PostQuitMessage": (None, (c_int32,)),
    "RegisterClassW": (WORD, (POINTER(WindowClass),)),
    "ReleaseDC": (c_int32, (HANDLE, HANDLE)),
    "RemoveClipboardFormatListener": (BOOL, (HANDLE,)),
    "SendInput": (UINT, (UINT, POINTER(InputRecord), c_int32)),
    "SetClipboardData": (HANDLE, (UINT, HANDLE)),
    "SetForegroundWindow": (BOOL, (HANDLE,)),
    "SetPropW": (BOOL, (HANDLE, c_wchar_p, HANDLE)),
    "SetProcessDPIAware": (BOOL, ()),
    "SetWindowsHookExW": (HANDLE, (c_int32, HOOKPROC, HANDLE, DWORD)),
    "SetWinEventHook": (HANDLE, (DWORD, DWORD, HANDLE, WINEVENTPROC, DWORD, DWORD, DWORD)),
    "ShowWindowAsync": (BOOL, (HANDLE, c_int32)),
    "ToUnicodeEx": (
        c_int32,
        (UINT, UINT, POINTER(ctypes.c_uint8), POINTER(WCHAR), c_int32, UINT, HANDLE),
    ),
    "UnhookWindowsHookEx": (BOOL, (HANDLE,)),
    "UnhookWinEvent": (BOOL, (HANDLE,)),
    "UnregisterClassW": (BOOL, (c_wchar_p, HANDLE)),
    "WindowFromPoint": (HANDLE, (Point,)),
}
_DPI: Prototypes = {"SetProcessDpiAwarenessContext": (BOOL, (HANDLE,))}
"""Also of user32, from Windows 10, 1703 on."""
_GDI32: Prototypes = {
    "BitBlt": (
        BOOL,
        (HANDLE, c_int32, c_int32, c_int32, c_int32, HANDLE, c_int32, c_int32, DWORD),
    ),
    "CreateCompatibleDC": (HANDLE, (HANDLE,)),
    "CreateDIBSection": (
        HANDLE,
        (HANDLE, POINTER(BitmapInfo), UINT, POINTER(c_void_p), HANDLE, DWORD),
    ),
    "CreateRectRgn": (HANDLE, (c_int32, c_int32, c_int32, c_int32)),
    "DeleteDC": (BOOL, (HANDLE,)),
    "DeleteObject": (BOOL, (HANDLE,)),
    "GdiFlush": (BOOL, ()),
    "GetDIBits": (c_int32, (HANDLE, HANDLE, UINT, UINT, c_void_p, POINTER(BitmapInfo), UINT)),
    "GetObjectW": (c_int32, (HANDLE, c_int32, c_void_p)),
    "GetRegionData": (DWORD, (HANDLE, DWORD, c_void_p)),
    "SelectObject": (HANDLE, (HANDLE, HANDLE)),
}
_KERNEL32: Prototypes = {
    "CloseHandle": (BOOL, (HANDLE,)),
    "GetModuleHandleW": (HANDLE, (c_wchar_p,)),
    "GetTickCount": (DWORD, ()),
    "GlobalAlloc": (HANDLE, (UINT, ctypes.c_size_t)),
    "GlobalFree": (HANDLE, (HANDLE,)),
    "GlobalLock": (c_void_p, (HANDLE,)),
    "GlobalSize": (ctypes.c_size_t, (HANDLE,)),
    "GlobalUnlock": (BOOL, (HANDLE,)),
    "OpenJobObjectW": (HANDLE, (DWORD, BOOL, c_wchar_p)),
    "QueryInformationJobObject": (BOOL, (HANDLE, c_int32, c_void_p, DWORD, c_void_p)),
}
_WTSAPI32: Prototypes = {
    "WTSFreeMemory": (None, (c_void_p,)),
    "WTSQuerySessionInformationW": (BOOL, (HANDLE, DWORD, c_int32, POINTER(c_void_p), POINTER(c_uint32))),
    "WTSRegisterSessionNotification": (BOOL, (HANDLE, DWORD)),
    "WTSUnRegisterSessionNotification": (BOOL, (HANDLE,)),
}
_DWMAPI: Prototypes = {
    "DwmFlush": (c_int32, ()),
    "DwmGetWindowAttribute": (c_int32, (HANDLE, DWORD, c_void_p, DWORD)),
}


@cache
def user32() -> Any:
    return _declared("user32", _USER32)


@cache
def user32_dpi() -> Any:
    """Raises AttributeError before Windows 10, 1703."""
    return _declared("user32", _DPI)


@cache
def gdi32() -> Any:
    return _declared("gdi32", _GDI32)


@cache
def kernel32() -> Any:
    return _declared("kernel32", _KERNEL32)


@cache
def wtsapi32() -> Any:
    return _declared("wtsapi32", _WTSAPI32)


@cache
def dwmapi() -> Any:
    return _declared("dwmapi", _DWMAPI)


def last_error() -> int:
    """Of the last call in this thread."""
    if sys.platform == "win32":
        return ctypes.get_last_error()
    return 0


def _declared(name: str, prototypes: Prototypes) -> SimpleNamespace:
    """Raises OSError where there is no such library, AttributeError where it lacks a function."""
    library = _load(name)
    functions = {}
    for function_name, (result, arguments) in prototypes.items():
        function = getattr(library, function_name)
        function.restype, function.argtypes = result, arguments
        functions[function_name] = function
    return SimpleNamespace(**functions)


def _load(name: str) -> Any:
    if sys.platform == "win32":
        return ctypes.WinDLL(name, use_last_error=True)
    raise OSError(f"{name} is a library of Windows")
