"""Signing in and out, and enrolling by a link."""

from __future__ import annotations

from portcullis.schemas.shapes import (
    COUNT,
    EMPTY,
    FLAG,
    NAMED,
    NUMBER,
    TEXT,
    TIME,
    Doc,
    array,
    body,
    nullable,
    ref,
    text,
    thing,
)

_CODE = text(64, "A verification code or a recovery code.")
_TOKEN = text(256, "Of the link, what stands behind `#/enrol/`.")
_PASSWORD = text(1024)
_ALWAYS = {"time": TIME, "gateways": array(TEXT)}

SHAPES = {
    "SignedOut": thing(
        {"signed_in": {"const": False}, "organisations": array(TEXT), **_ALWAYS},
        {"theme": nullable(ref("Door"))},
    ),
    "SignedIn": thing(
        {
            "signed_in": {"const": True},
            "user": NAMED,
            "tenant": NAMED,
            "role": TEXT,
            "permissions": array(TEXT),
            "expires": TIME,
            **_ALWAYS,
        },
        {
            "recovery_codes_left": COUNT,
            "failed_sign_ins": COUNT,
            "factor_time": nullable(TIME),
            "theme": nullable(ref("Door")),
            "platform": FLAG,
        },
    ),
    "Door": thing({"title": nullable(TEXT), "accent": nullable(TEXT), "logo": nullable(TEXT)}),
    "FactorRequired": thing({"factor_required": {"const": True}}),
}

DOCS = {
    "GET /api/v1/login": Doc(
        "Say who is calling, and what a stranger needs to sign in.",
        {"oneOf": [ref("SignedIn"), ref("SignedOut")]},
    ),
    "POST /api/v1/login": Doc(
        "Sign in: password, then code. Signed by the key that it presents.",
        {"oneOf": [ref("SignedIn"), ref("FactorRequired")]},
        body(
            {"username": text(256), "password": _PASSWORD, "client_key": text(100)},
            {"organisation": nullable(text(256)), "code": nullable(_CODE)},
        ),
    ),
    "DELETE /api/v1/login": Doc("Sign out; this login's connections are cut.", status=204),
    "POST /api/v1/login/factor": Doc(
        "Prove the second factor once more, for what asks for a recent one.",
        thing({"factor_time": TIME}),
        body({"code": _CODE}),
    ),
    "POST /api/v1/account/sign-out-everywhere": Doc(
        "End every login of the caller.", thing({"merged": FLAG}), EMPTY
    ),
    "POST /api/v1/account/recovery-codes": Doc(
        "Make new recovery codes in place of those that are left, with a code of now.",
        thing({"recovery_codes": array(TEXT)}),
        body({"code": _CODE}),
        status=201,
    ),
    "POST /api/v1/enrolment": Doc(
        "Look at an enrolment link; spends nothing.",
        thing(
            {
                "user": thing({"name": TEXT}),
                "tenant": thing({"name": TEXT}),
                "theme": nullable(ref("Door")),
                "expires": TIME,
                "time": TIME,
            }
        ),
        body({"token": _TOKEN}),
    ),
    "POST /api/v1/enrolment/factor": Doc(
        "Make the secret of a new factor.",
        thing({"totp_secret": TEXT, "totp_uri": TEXT, "qr": array(TEXT)}),
        body({"token": _TOKEN, "password": _PASSWORD}),
    ),
    "POST /api/v1/enrolment/code": Doc(
        "Try a code of the new factor; spends nothing.",
        thing({"next_in_seconds": NUMBER}),
        body({"token": _TOKEN, "code": _CODE}),
    ),
    "POST /api/v1/enrolment/completion": Doc(
        "Choose the password and prove the factor by two codes in turn; spends the link.",
        thing({"user": thing({"name": TEXT}), "recovery_codes": array(TEXT)}),
        body({"token": _TOKEN, "password": _PASSWORD, "codes": array(_CODE, 2)}),
        status=201,
    ),
    "GET /api/v1/logos/{hash}": Doc(
        "The logo of the caller's tenant, or of the one whose own name was called.",
        media=("image/png", "image/svg+xml"),
    ),
}
