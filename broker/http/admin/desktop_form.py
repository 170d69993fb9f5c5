"""The existing desktop of an application, as an administrator sends it; parsed strictly."""

from __future__ import annotations

from broker.http.body import Fields
from portcullis.errors import InvalidInput
from portcullis.model.desktops import (
    ACCOUNT_RULE,
    CONSENTS,
    CONSOLE,
    DEFAULT_ANSWER_SECONDS,
    DISPLAY_RULE,
    LONGEST_ANSWER_SECONDS,
    SHORTEST_ANSWER_SECONDS,
    USER_PLACEHOLDER,
    Consent,
    DesktopTarget,
    is_fit_account,
    is_fit_display,
)


def parse_desktop(fields: Fields) -> DesktopTarget | None:
    """None where the application is no existing desktop. Raises InvalidInput."""
    if fields.raw("desktop") is None:
        return None
    nested = fields.nested("desktop")
    display, account = nested.raw("display", CONSOLE), nested.raw("account", USER_PLACEHOLDER)
    if not isinstance(display, str) or not is_fit_display(display):
        raise InvalidInput(nested.name("display"), DISPLAY_RULE)
    if not isinstance(account, str) or not is_fit_account(account):
        raise InvalidInput(nested.name("account"), ACCOUNT_RULE)
    target = DesktopTarget(
        display,
        _consent(nested),
        account,
        nested.flag("view_only", default=False),
        nested.flag("shared", default=False),
        nested.integer(
            "answer_seconds", SHORTEST_ANSWER_SECONDS, LONGEST_ANSWER_SECONDS, DEFAULT_ANSWER_SECONDS
        ),
    )
    nested.finish()
    return target


def _consent(fields: Fields) -> Consent:
    said = fields.raw("consent", CONSENTS[0])
    for each in CONSENTS:
        if each == said:
            return each
    raise InvalidInput(fields.name("consent"), f"one of {', '.join(CONSENTS)}")
