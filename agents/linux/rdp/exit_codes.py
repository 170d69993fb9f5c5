"""What it means how FreeRDP ended (client/X11/xfreerdp.h and the tables of error.h, FreeRDP 2). Pure.

It decides by its exit status alone: it prints errors also when all is well. What is not here means what it means of any
application: the user closed it, or signed out over there.
"""

from __future__ import annotations

_SIGN_IN_REFUSED = (132, 134, 154, 159)
_PASSWORD_EXPIRED = (148, 149, 152)
_ACCOUNT_UNUSABLE = (135, 151, 153, 157)
_NOT_PERMITTED = (7, 8, 9, 144, 155, 156, 158)
_UNREACHABLE = (139, 140, 141)
_SECURITY_REFUSED = (133, 146)
_DISCONNECTED = (1, 2, 3, 4)
"""By an administrator of the server, or by its limits for idle sessions and for signing in."""
_PROTOCOL = (6, *range(32, 128), 128, 129, 130, 131, 136, 137, 138, 142, 255)

EXIT_CODES: dict[int, str] = {
    **dict.fromkeys(_PROTOCOL, "rdp_protocol"),
    **dict.fromkeys(range(16, 32), "rdp_licence"),
    **dict.fromkeys(_SIGN_IN_REFUSED, "rdp_sign_in_refused"),
    10: "rdp_sign_in_refused",  # fresh credentials are required
    150: "rdp_sign_in_refused",  # the domain's key server is away
    **dict.fromkeys(_PASSWORD_EXPIRED, "rdp_password_expired"),
    **dict.fromkeys(_ACCOUNT_UNUSABLE, "rdp_account_unusable"),
    **dict.fromkeys(_NOT_PERMITTED, "rdp_not_permitted"),
    **dict.fromkeys(_UNREACHABLE, "rdp_unreachable"),
    **dict.fromkeys(_SECURITY_REFUSED, "rdp_security_refused"),
    143: "rdp_certificate_refused",
    147: "rdp_broken_off",  # freerdp-shadow's whole answer to a wrong password
    **dict.fromkeys(_DISCONNECTED, "rdp_disconnected"),
    5: "rdp_taken_over",
}
