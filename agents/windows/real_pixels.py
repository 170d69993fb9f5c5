"""Sizes and positions as they are on the screen."""

from __future__ import annotations

from agents.windows.libraries import user32, user32_dpi
from agents.windows.structures import PER_MONITOR_AWARE_V2


def see_real_pixels() -> None:
    """Else Windows tells sizes, and takes positions, of a screen that is smaller than the real one."""
    try:
        user32_dpi().SetProcessDpiAwarenessContext(PER_MONITOR_AWARE_V2)
    except AttributeError:  # Windows Server 2016
        user32().SetProcessDPIAware()
