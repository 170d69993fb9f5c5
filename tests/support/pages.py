"""How long Playwright waits for a page: for what it is to show, and until something can be clicked."""

from __future__ import annotations

from playwright.async_api import BrowserContext, expect

from tests.support.patience import patient

PATIENCE_SECONDS = 30
"""Other lanes of the suite are busy at the same time."""


def be_patient(context: BrowserContext) -> None:
    """From here on, for all pages of the context; what is expected of any page waits as long."""
    milliseconds = 1000 * patient(PATIENCE_SECONDS)
    context.set_default_timeout(milliseconds)
    expect.set_options(timeout=milliseconds)
