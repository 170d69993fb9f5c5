"""Settings of the agent, declared once (portcullis.settings)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from portcullis.errors import InvalidInput
from portcullis.logs import FORMAT_HELP
from portcullis.probes import METRICS_EXPOSED_HELP, METRICS_HELP
from portcullis.settings import setting

VIDEO_CODECS = ("h264", "vp9", "vp8")


@dataclass(frozen=True)
class AgentSettings:
    state: Path = setting(help="Folder of the host's key and certificate, made by `join`.")
    runtime: Path = setting(Path("/run/portcullis"), help="Folder of the running sessions.")
    account_prefix: str = setting(
        "pc", help="How the names of the local accounts begin that sessions run as."
    )
    homes: Path = setting(Path("/home"), help="Folder of the users' homes.")
    isolation: str = setting(
        "accounts",
        help="accounts: each session under accounts of its own, needs root. none: all under the account that runs "
        "the agent, which must not be root; nothing walls sessions off from each other.",
    )
    slots: int = setting(0, help="How many sessions run at once; 0: as many as were given to `join`.")
    starting_limit: int = setting(
        0, help="How many sessions start at once, the others wait in line; 0: as many as cores, at least 2."
    )
    warm_sessions: int = setting(
        1,
        help="Sessions whose display and worker are started ahead, so that a launch is quicker; some 45 MB each. "
        "Given up when the host is full or memory is scarce. 0: none.",
    )
    video: str = setting(
        "h264,vp8",
        help="How regions that move may be encoded: h264, vp9 and vp8, whichever of them the browser decodes in this "
        "order, or none: all pictures without loss. h264 needs Debian's libx264-164 (GPL), the others libvpx7, all "
        "of them libyuv0.",
    )
    window_seconds: float = setting(30.0, help="How long an application may take to open its first window.")
    grace_seconds: float = setting(3.0, help="How long an application may take to end at log off.")
    rdp_networks: str = setting(
        "",
        help="Networks, between commas, that RDP servers may be in although hosts connect to none there: their own "
        "addresses, their link, a cloud's metadata.",
    )
    desktops: str = setting(
        "ask",
        help="Which existing desktops of this machine may be attached to, between commas: ask (whoever is there "
        "agrees), own (by the person of the same account), none (nobody is asked); off: no desktop at all.",
    )
    session_memory_mb: int = setting(4096, help="Memory of a session's programs, in MB; 0: no limit.")
    session_processes: int = setting(2048, help="Processes and threads of a session; 0: no limit.")
    session_cpu_percent: int = setting(
        0, help="Of one core, for a session's programs together; 0: no ceiling, only a fair share."
    )
    session_tmp_mb: int = setting(
        1024, help="Size of a session's own /tmp in memory; 0: the host's /tmp, shared by all."
    )
    log_level: str = setting("info", help="debug, info, warning or error.")
    log_format: str = setting("text", help=FORMAT_HELP)
    metrics: str = setting("", help=METRICS_HELP)
    metrics_exposed: bool = setting(False, help=METRICS_EXPOSED_HELP)


def video_codecs(text: str) -> str:
    """What the setting `video` names, between commas; empty for none. Raises InvalidInput."""
    names = dict.fromkeys(name.strip() for name in text.lower().split(","))
    if list(names) == ["none"]:
        return ""
    if not set(names) <= set(VIDEO_CODECS):
        raise InvalidInput("--video", f"{', '.join(VIDEO_CODECS)} (some of them, between commas) or none")
    return ",".join(names)
