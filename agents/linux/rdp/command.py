"""How FreeRDP is started for a session: its arguments and its environment. Pure.

The password has no place here: it goes through standard input, and whoever lists the host's processes sees none. What
people write, from an administrator's text to a user's name, stands behind a `/name:` of its own in one argument: it can
never be taken for another option. FreeRDP gets no drive, printer, smart card or microphone to offer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from agents.linux.environment import Scale
from agents.linux.rdp.keyboards import keyboard
from portcullis.model.rdp import RDP_CLIENT, Credentials, RdpTarget
from portcullis.model.session import Display

NO_AUTHORITIES = {"SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/nonexistent"}
"""With a pin nobody else's word counts: FreeRDP would take another certificate that a CA vouches for."""
_SECURITY = {"negotiate": "-sec-rdp", "nla": "/sec:nla", "tls": "/sec:tls"}


@dataclass(frozen=True, slots=True)
class Target:
    """The server as it was found: `address` is what the host connects to, None through an RD Gateway."""

    rdp: RdpTarget
    address: str | None


def arguments(
    target: Target, user_name: str, domain: str, title: str, display: Display, scale: Scale
) -> list[str]:
    """`user_name` and `domain` as the server knows them."""
    rdp = target.rdp
    return [
        RDP_CLIENT,
        f"/v:{server(target)}",
        *_person(user_name, domain),
        "/from-stdin:force",
        certificate(rdp),
        _SECURITY[rdp.security],
        f"/size:{display.width}x{display.height}",
        "/dynamic-resolution",
        "+clipboard",
        "-decorations",
        "-toggle-fullscreen",
        "/audio-mode:2",
        "/log-level:WARN",
        f"/t:{title}",
        *_scaling(scale),
        *_keyboard(display.layout),
        *([f"/app:{rdp.program}"] if rdp.program else []),
        *_gateway(rdp),
        *([f"/load-balance-info:{rdp.load_balance_info}"] if rdp.load_balance_info else []),
    ]


def environment(rdp: RdpTarget, base: Mapping[str, str], home: PurePath) -> dict[str, str]:
    """A home that goes with the session: no certificate that was once accepted is remembered."""
    own = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "XDG_CACHE_HOME": str(home / "cache")}
    return {**base, **own, **(NO_AUTHORITIES if rdp.certificate else {})}


def server(target: Target) -> str:
    host = target.address or target.rdp.server
    return f"[{host}]:{target.rdp.port}" if ":" in host else f"{host}:{target.rdp.port}"


def certificate(rdp: RdpTarget) -> str:
    """Whatever is not proven is refused: nobody is there to be asked."""
    pins = [pin for pin in (rdp.certificate, rdp.gateway_certificate if rdp.gateway else "") if pin]
    if not rdp.certificate:
        return f"/cert:deny,name:{rdp.server}"
    return "/cert:deny," + ",".join(f"fingerprint:sha256:{_with_colons(pin)}" for pin in pins)


def _with_colons(fingerprint: str) -> str:
    """FreeRDP compares texts."""
    return ":".join(fingerprint[start : start + 2] for start in range(0, len(fingerprint), 2))


def _person(user_name: str, domain: str) -> list[str]:
    """`DOMAIN\\name` is taken apart here, or an empty `/d:` would take the domain away again."""
    inner, backslash, name = user_name.partition("\\")
    if backslash and not domain:
        user_name, domain = name, inner
    return [f"/u:{user_name}", f"/d:{domain}"]


def _scaling(scale: Scale) -> list[str]:
    if scale.ratio == 1:
        return []
    device = 140 if scale.ratio < 1.6 else 180
    return [f"/scale-desktop:{round(scale.ratio * 100)}", f"/scale-device:{device}"]


def _keyboard(layout: str) -> list[str]:
    number = keyboard(layout)
    return [] if number is None else [f"/kbd:0x{number:08X}"]


def _gateway(rdp: RdpTarget) -> list[str]:
    if (address := rdp.gateway_address) is None:
        return []
    name, port = address
    return [f"/g:{name}:{port}", "/gateway-usage-method:direct"]


def entered(credentials: Credentials) -> str:
    """What FreeRDP reads: one line, which a gateway is shown as well."""
    return f"{credentials.password}\n"
