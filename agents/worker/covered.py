"""Why a screen cannot be seen (`Desktop.covered`)."""

from __future__ import annotations

LOCKED, PROMPT, SCREEN_OFF = "locked", "prompt", "off"
"""It is locked; the system asks for permission where no application may look; there is no display, as somebody signed
in elsewhere."""
