"""What a host can do that not every one can, as its agent's hello names it (docs/protocol.md 4)."""

from __future__ import annotations

from collections.abc import Iterable

from portcullis.model.platforms import WINDOWS
from portcullis.protocol.desktops import DESKTOPS
from portcullis.protocol.wine import WINE, is_template_feature

RDP = "rdp"
"""The feature of a host that shows RDP servers: its agent knows how, and the program is there."""
_PLACED_BY = frozenset({RDP, WINE, DESKTOPS, WINDOWS})
SESSIONS_WORD = "revoke_sessions"
"""The feature of an agent that understands revocations of kind `sessions`."""


def placed_by(features: Iterable[str]) -> frozenset[str]:
    """Those of a host that placement asks for."""
    return frozenset(each for each in features if each in _PLACED_BY or is_template_feature(each))
