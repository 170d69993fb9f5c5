"""What machines may say of themselves."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from broker.pki.claims import parse_enrolment, parse_machine_name, parse_origin, parse_renewal
from portcullis.enrolment.keys import certificate_request
from portcullis.errors import InvalidInput, PortcullisError, Refused

CSR = certificate_request(ec.generate_private_key(ec.SECP256R1()))
BODY = {"token": f"join_{'0' * 16}_{'a' * 64}_{'b' * 64}", "csr": CSR, "name": "h1"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def test_a_whole_body_is_read() -> None:
    read = parse_enrolment(
        {**BODY, "slots": 4, "address": "[::1]:9443", "public_origin": "https://a.example"}
    )
    assert (read.name, read.slots, read.address, read.public_origin) == (
        "h1",
        4,
        "[::1]:9443",
        "https://a.example",
    )
    assert (read.token.secret.scope, read.token.pin) == ("0" * 16, "b" * 64)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("csr", None),
        ("csr", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"),
        ("csr", CSR.replace("M", "N", 1)),
        ("csr", "ä"),
        ("name", ["h1"]),
        ("slots", 0),
        ("slots", 1001),
        ("slots", True),
        ("slots", 2.5),
        ("slots", "4"),
        ("address", "host"),
        ("address", "host:0"),
        ("address", "host:99999"),
        ("address", "ho st:1"),
        ("address", "host:1\n"),
        ("address", 9443),
        ("public_origin", "https://a/"),
        ("public_origin", ""),
    ],
)
def test_a_bad_field_is_named(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as raised:
        parse_enrolment({**BODY, field: value})
    assert raised.value.field == field


@pytest.mark.parametrize("token", [BODY["token"][:-1], BODY["token"].upper(), "x" * 100])
def test_what_is_no_token_is_refused_like_a_wrong_one(token: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_enrolment({**BODY, "token": token})
    assert refused.value.code == "join_refused"


@given(st.dictionaries(st.sampled_from([*BODY, "slots", "address", "public_origin"]), json_values))
def test_nothing_else_is_raised(changes: dict[str, Any]) -> None:
    for parse in (parse_enrolment, parse_renewal):
        try:
            parse({**BODY, **changes})
        except PortcullisError as exc:
            assert exc.code in ("invalid_field", "join_refused")


@pytest.mark.parametrize(
    "origin",
    [
        "https://a.example",
        "https://a.example:8443",
        "http://localhost:8080",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "http://tenant.localhost:8080",
        "https://[2001:db8::1]",
        "https://10.0.0.1:1",
    ],
)
def test_an_origin_as_browsers_send_it_is_taken(origin: str) -> None:
    assert parse_origin(origin) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.example",
        "//a.example",
        "ftp://a.example",
        "https://",
        "https://:443",
        "https://a.example:443",
        "http://localhost:80",
        "https://a.example/",
        "https://a.example/x",
        "https://a.example?x",
        "https://a.example#x",
        "https://user@a.example",
        "https://A.example",
        "HTTPS://a.example",
        "https://a..example",
        "https://-a.example",
        "https://a.example:",
        "https://a.example:99999",
        "https://a.example:x",
        "https://ä.example",
        "https://a b",
        "https://a\n",
        " https://a",
        "https://[::1",
        "https://[fe80::1%eth0]",
        "https://[fe80::1%; frame-ancestors *]",
        "https://*",
        "null",
        "http://a.example",
        "http://10.0.0.1:8080",
        "http://localhost.example:8080",
        "http://0.0.0.0:8080",
    ],
)
def test_any_other_origin_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        parse_origin(text)
    assert raised.value.field == "public_origin"


@given(st.text(max_size=70))
def test_a_machine_name_is_plain(text: str) -> None:
    try:
        name = parse_machine_name(text)
    except InvalidInput:
        return
    assert name == text
    assert name.isascii()
    assert name.isprintable()
    assert 1 <= len(name) <= 63
    assert "/" not in name
