"""The one error of capturing."""

from __future__ import annotations


class Uncapturable(Exception):
    """No picture can be had, by this way or by any, now."""
