"""What stops the quickstart, said to the person in front of it."""

from __future__ import annotations


class QuickstartError(Exception):
    """The message says what is wrong and what to do."""
