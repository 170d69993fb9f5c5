"""Who may do what with a pipe, a folder or a process, in the language of security descriptors (SDDL).

Protected (`P`): nothing is inherited from above. SY is the system, BA its administrators.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

SYSTEM = "S-1-5-18"
_REVISION = 1
_ALL = "FA"


def pipe(owner: str, user: str) -> str:
    """The owner, which serves it, and the user of one Windows session; nobody else, administrators neither."""
    allowed = dict.fromkeys((owner, user))
    return f"O:{owner}D:P" + "".join(f"(A;;{_ALL};;;{sid})" for sid in allowed)


def folder(also: str = SYSTEM) -> str:
    """System and administrators, and the account that runs the agent where that is another one."""
    extra = "" if also == SYSTEM else f"(A;OICI;{_ALL};;;{also})"
    return f"D:P(A;OICI;{_ALL};;;SY)(A;OICI;{_ALL};;;BA){extra}"


def make_private(path: Path) -> None:
    """A folder, made where it is not there, that nobody but system, administrators and this account may look into.
    Raises OSError."""
    import pywintypes
    import win32security

    path.mkdir(parents=True, exist_ok=True)
    try:
        wanted = win32security.ConvertStringSecurityDescriptorToSecurityDescriptor(
            folder(own_sid()), _REVISION
        )
        win32security.SetNamedSecurityInfo(
            str(path),
            win32security.SE_FILE_OBJECT,
            win32security.DACL_SECURITY_INFORMATION | win32security.PROTECTED_DACL_SECURITY_INFORMATION,
            None,
            None,
            wanted.GetSecurityDescriptorDacl(),
            None,
        )
    except pywintypes.error as exc:
        raise OSError(exc.winerror, f"{path}: {exc.strerror}") from exc


def attributes(sddl: str) -> Any:
    """SECURITY_ATTRIBUTES; the handle is not inherited. Raises OSError."""
    import pywintypes
    import win32security

    made = win32security.SECURITY_ATTRIBUTES()
    try:
        made.SECURITY_DESCRIPTOR = win32security.ConvertStringSecurityDescriptorToSecurityDescriptor(
            sddl, _REVISION
        )
    except pywintypes.error as exc:
        raise OSError(exc.winerror, exc.strerror) from exc
    made.bInheritHandle = False
    return made


def own_sid() -> str:
    """Of the account that this process runs as."""
    import win32api
    import win32con
    import win32security

    return sid_of(win32security.OpenProcessToken(win32api.GetCurrentProcess(), win32con.TOKEN_QUERY))


def account_of(sid: str) -> tuple[str, str]:
    """Name and domain; of an account of this machine that is the machine's. Raises OSError."""
    import pywintypes
    import win32security

    try:
        name, domain, _ = win32security.LookupAccountSid(None, win32security.ConvertStringSidToSid(sid))
    except pywintypes.error as exc:
        raise OSError(exc.winerror, exc.strerror) from exc
    return str(name), str(domain)


def sid_of(token: Any) -> str:
    import win32security

    user, _ = win32security.GetTokenInformation(token, win32security.TokenUser)
    return str(win32security.ConvertSidToStringSid(user))
