"""Structures and constants of the Windows API, with the sizes that they have on 64-bit Windows wherever this is read.

`ctypes.wintypes` is not used: its LONG is the C compiler's, which has eight bytes elsewhere, and so is its wide
character. With types of a fixed width, sizes and offsets are tested on any machine.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, Union, c_int32, c_uint16, c_uint32, c_void_p

BOOL = c_int32
DWORD = c_uint32
HANDLE = c_void_p
LONG = c_int32
LPARAM = ctypes.c_ssize_t
LRESULT = ctypes.c_ssize_t
UINT = c_uint32
ULONG_PTR = ctypes.c_size_t
WCHAR = c_uint16
WORD = c_uint16
WPARAM = ctypes.c_size_t

# On x64 there is one calling convention: CFUNCTYPE's, which exists everywhere.
WNDPROC = ctypes.CFUNCTYPE(LRESULT, HANDLE, UINT, WPARAM, LPARAM)
WINEVENTPROC = ctypes.CFUNCTYPE(None, HANDLE, DWORD, HANDLE, LONG, LONG, DWORD, DWORD)
WNDENUMPROC = ctypes.CFUNCTYPE(BOOL, HANDLE, LPARAM)
HOOKPROC = ctypes.CFUNCTYPE(LRESULT, c_int32, WPARAM, LPARAM)


class Point(Structure):
    _fields_ = (("x", LONG), ("y", LONG))


class Rect(Structure):
    _fields_ = (("left", LONG), ("top", LONG), ("right", LONG), ("bottom", LONG))


# --- Input


class MouseInput(Structure):
    _fields_ = (
        ("dx", LONG),
        ("dy", LONG),
        ("data", DWORD),
        ("flags", DWORD),
        ("time", DWORD),
        ("extra", ULONG_PTR),
    )


class KeyboardInput(Structure):
    _fields_ = (
        ("virtual_key", WORD),
        ("scan", WORD),
        ("flags", DWORD),
        ("time", DWORD),
        ("extra", ULONG_PTR),
    )


class _AnyInput(Union):
    _fields_ = (("mouse", MouseInput), ("keyboard", KeyboardInput))


class InputRecord(Structure):
    """INPUT."""

    _fields_ = (("kind", DWORD), ("any", _AnyInput))


class KeyboardHook(Structure):
    """KBDLLHOOKSTRUCT."""

    _fields_ = (
        ("virtual_key", DWORD),
        ("scan", DWORD),
        ("flags", DWORD),
        ("time", DWORD),
        ("extra", ULONG_PTR),
    )


class MouseHook(Structure):
    """MSLLHOOKSTRUCT."""

    _fields_ = (
        ("point", Point),
        ("data", DWORD),
        ("flags", DWORD),
        ("time", DWORD),
        ("extra", ULONG_PTR),
    )


class MessageSource(Structure):
    """INPUT_MESSAGE_SOURCE."""

    _fields_ = (("device", c_int32), ("origin", c_int32))


WH_KEYBOARD_LL, WH_MOUSE_LL = 13, 14
LLKHF_EXTENDED, LLKHF_LOWER_IL_INJECTED, LLKHF_INJECTED, LLKHF_UP = 0x01, 0x02, 0x10, 0x80
LLMHF_INJECTED, LLMHF_LOWER_IL_INJECTED = 0x01, 0x02
IMO_HARDWARE, IMO_INJECTED, IMO_SYSTEM = 1, 2, 4
INPUT_MOUSE, INPUT_KEYBOARD = 0, 1
KEYEVENTF_EXTENDEDKEY, KEYEVENTF_KEYUP, KEYEVENTF_UNICODE = 0x1, 0x2, 0x4
MOUSEEVENTF_MOVE = 0x0001
MOUSEEVENTF_LEFTDOWN, MOUSEEVENTF_LEFTUP = 0x0002, 0x0004
MOUSEEVENTF_RIGHTDOWN, MOUSEEVENTF_RIGHTUP = 0x0008, 0x0010
MOUSEEVENTF_MIDDLEDOWN, MOUSEEVENTF_MIDDLEUP = 0x0020, 0x0040
MOUSEEVENTF_XDOWN, MOUSEEVENTF_XUP = 0x0080, 0x0100
MOUSEEVENTF_WHEEL, MOUSEEVENTF_HWHEEL = 0x0800, 0x1000
MOUSEEVENTF_VIRTUALDESK, MOUSEEVENTF_ABSOLUTE = 0x4000, 0x8000
XBUTTON1, XBUTTON2 = 1, 2
MAPVK_VK_TO_VSC_EX, MAPVK_VSC_TO_VK_EX = 4, 3
TO_UNICODE_LEAVES_STATE = 0x4
"""Flag of ToUnicodeEx from Windows 10, 1607 on: a dead key that is asked about is not a dead key that was pressed."""

# --- Pictures


class BitmapInfoHeader(Structure):
    _fields_ = (
        ("size", DWORD),
        ("width", LONG),
        ("height", LONG),
        ("planes", WORD),
        ("bit_count", WORD),
        ("compression", DWORD),
        ("size_image", DWORD),
        ("x_pixels_per_metre", LONG),
        ("y_pixels_per_metre", LONG),
        ("colours_used", DWORD),
        ("colours_important", DWORD),
    )


class BitmapInfo(Structure):
    _fields_ = (("header", BitmapInfoHeader), ("colours", DWORD * 3))


class Bitmap(Structure):
    _fields_ = (
        ("kind", LONG),
        ("width", LONG),
        ("height", LONG),
        ("width_bytes", LONG),
        ("planes", WORD),
        ("bits_pixel", WORD),
        ("bits", c_void_p),
    )


class CursorInfo(Structure):
    _fields_ = (("size", DWORD), ("flags", DWORD), ("cursor", HANDLE), ("position", Point))


class IconInfo(Structure):
    _fields_ = (
        ("is_icon", BOOL),
        ("hot_x", DWORD),
        ("hot_y", DWORD),
        ("mask", HANDLE),
        ("colour", HANDLE),
    )


SRCCOPY = 0x00CC0020
DIB_RGB_COLORS = 0
BI_RGB = 0
CURSOR_SHOWING, CURSOR_SUPPRESSED = 1, 2

# --- Screen


class DisplayMode(Structure):
    """DEVMODEW, as far as displays go."""

    _fields_ = (
        ("device_name", WCHAR * 32),
        ("spec_version", WORD),
        ("driver_version", WORD),
        ("size", WORD),
        ("driver_extra", WORD),
        ("fields", DWORD),
        ("position", Point),
        ("orientation", DWORD),
        ("fixed_output", DWORD),
        ("colour", c_uint16),
        ("duplex", c_uint16),
        ("y_resolution", c_uint16),
        ("tt_option", c_uint16),
        ("collate", c_uint16),
        ("form_name", WCHAR * 32),
        ("log_pixels", WORD),
        ("bits_per_pixel", DWORD),
        ("width", DWORD),
        ("height", DWORD),
        ("display_flags", DWORD),
        ("frequency", DWORD),
        ("more", DWORD * 8),
    )


SM_CMONITORS, SM_SWAPBUTTON = 80, 23
SM_XVIRTUALSCREEN, SM_YVIRTUALSCREEN, SM_CXVIRTUALSCREEN, SM_CYVIRTUALSCREEN = 76, 77, 78, 79
SM_REMOTESESSION = 0x1000
DM_PELSWIDTH, DM_PELSHEIGHT = 0x80000, 0x100000
CDS_TEST, CDS_FULLSCREEN = 0x2, 0x4
DISP_CHANGE_SUCCESSFUL = 0
PER_MONITOR_AWARE_V2 = -4

# --- Windows and messages


class Message(Structure):
    """MSG."""

    _fields_ = (
        ("window", HANDLE),
        ("kind", UINT),
        ("wparam", WPARAM),
        ("lparam", LPARAM),
        ("time", DWORD),
        ("point", Point),
        ("private", DWORD),
    )


class WindowClass(Structure):
    """WNDCLASSW."""

    _fields_ = (
        ("style", UINT),
        ("procedure", WNDPROC),
        ("class_extra", c_int32),
        ("window_extra", c_int32),
        ("instance", HANDLE),
        ("icon", HANDLE),
        ("cursor", HANDLE),
        ("background", HANDLE),
        ("menu_name", ctypes.c_wchar_p),
        ("class_name", ctypes.c_wchar_p),
    )


WM_DESTROY, WM_CLOSE, WM_QUIT = 0x0002, 0x0010, 0x0012
WM_QUERYENDSESSION, WM_ENDSESSION = 0x0011, 0x0016
WM_SETTINGCHANGE, WM_DISPLAYCHANGE = 0x001A, 0x007E
WM_WTSSESSION_CHANGE = 0x02B1
WM_CLIPBOARDUPDATE = 0x031D
WM_APP = 0x8000
WTS_SESSION_LOGOFF = 6
NOTIFY_FOR_THIS_SESSION = 0
WS_POPUP = 0x80000000
WS_EX_TOOLWINDOW, WS_EX_NOACTIVATE = 0x80, 0x08000000
GWL_EXSTYLE, GWL_STYLE = -20, -16
WS_VISIBLE, WS_MINIMIZE = 0x10000000, 0x20000000
WS_EX_TRANSPARENT, WS_EX_LAYERED = 0x20, 0x80000
GW_OWNER = 4
GA_ROOT, GA_ROOTOWNER = 2, 3
SW_RESTORE = 9
LWA_ALPHA = 0x2
DWMWA_EXTENDED_FRAME_BOUNDS = 9
DWMWA_CLOAKED = 14
EVENT_SYSTEM_FOREGROUND, EVENT_SYSTEM_DESKTOPSWITCH = 0x0003, 0x0020
EVENT_OBJECT_CREATE, EVENT_OBJECT_DESTROY, EVENT_OBJECT_SHOW, EVENT_OBJECT_HIDE = (
    0x8000,
    0x8001,
    0x8002,
    0x8003,
)
EVENT_OBJECT_LOCATIONCHANGE, EVENT_OBJECT_NAMECHANGE, EVENT_OBJECT_VALUECHANGE = 0x800B, 0x800C, 0x800E
EVENT_OBJECT_CLOAKED, EVENT_OBJECT_UNCLOAKED = 0x8017, 0x8018
OBJID_WINDOW, OBJID_CURSOR = 0, -9
WINEVENT_OUTOFCONTEXT, WINEVENT_SKIPOWNPROCESS = 0x0, 0x2

JOB_OBJECT_QUERY = 0x4
JOB_BASIC_PROCESS_ID_LIST = 3


class ProcessIds(Structure):
    """JOBOBJECT_BASIC_PROCESS_ID_LIST, of up to so many."""

    _fields_ = (("assigned", DWORD), ("listed", DWORD), ("ids", ULONG_PTR * 1024))


class GuiThread(Structure):
    """GUITHREADINFO."""

    _fields_ = (
        ("size", DWORD),
        ("flags", DWORD),
        ("active", HANDLE),
        ("focus", HANDLE),
        ("capture", HANDLE),
        ("menu_owner", HANDLE),
        ("move_size", HANDLE),
        ("caret", HANDLE),
        ("caret_box", Rect),
    )


# --- Clipboard, sessions, desktops

CF_UNICODETEXT = 13
GMEM_MOVEABLE = 0x2
DESKTOP_READOBJECTS = 0x1
UOI_NAME = 2
WTS_CURRENT_SESSION = 0xFFFFFFFF
WTS_CONNECT_STATE, WTS_SESSION_INFO_EX = 8, 25
WTS_ACTIVE, WTS_DISCONNECTED = 0, 4
WTS_SESSIONSTATE_LOCK = 0


class SessionInfo(Structure):
    """The head of WTSINFOEXW, level 1."""

    _fields_ = (
        ("level", DWORD),
        ("padding", DWORD),  # what follows holds 64-bit times
        ("session", DWORD),
        ("state", c_int32),
        ("flags", c_int32),
    )


PointerToInfo = POINTER(SessionInfo)
