"""The signature of a request: what it covers, how old it may be, and that nothing malformed passes or raises."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.identity.request_signature import SignedRequest, check_signature, parse_signature
from portcullis.errors import Refused
from tests.support.browser import ClientKey

NOW = 1_700_000_000.0
KEY = ClientKey()
REQUEST = SignedRequest("POST", "/api/v1/sessions?x=%20y", b'{"a": 1}', None)


def _signed(request: SignedRequest = REQUEST, at: float = NOW) -> SignedRequest:
    return replace(request, header=KEY.sign_request(request.method, request.path, request.body, at))


def _is_refused(request: SignedRequest, key: bytes = KEY.public, now: float = NOW) -> bool:
    try:
        check_signature(request, key, now)
    except Refused as error:
        assert error.code in ("signature_refused", "clock_skewed")
        return True
    return False


def test_a_signature_by_the_key_is_accepted() -> None:
    assert check_signature(_signed(), KEY.public, NOW).nonce


@pytest.mark.parametrize(("key", "code"), [(KEY, "clock_skewed"), (ClientKey(), "signature_refused")])
def test_only_the_owner_of_the_key_is_told_that_the_clock_is_off(key: ClientKey, code: str) -> None:
    with pytest.raises(Refused) as refused:
        check_signature(_signed(at=NOW - 90), key.public, NOW)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "change",
    [
        {"method": "DELETE"},
        {"path": "/api/v1/sessions"},
        {"path": "/api/v1/sessions?x= y"},
        {"body": b""},
        {"body": b'{"a": 2}'},
    ],
)
def test_it_covers_method_path_query_and_body(change: dict[str, object]) -> None:
    assert _is_refused(replace(_signed(), **change))


def test_another_key_is_refused() -> None:
    assert _is_refused(_signed(), ClientKey().public)


@pytest.mark.parametrize(
    ("skew", "refused"), [(-61, True), (-60, False), (0, False), (60, False), (60.5, True), (86400, True)]
)
def test_it_holds_for_a_minute_either_way(skew: float, refused: bool) -> None:
    assert _is_refused(_signed(at=NOW + skew)) is refused


HEADER = _signed().header or ""


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "v1",
        HEADER.replace("v1", "v2"),
        HEADER + " ",
        HEADER + "\n",
        " " + HEADER,
        HEADER.replace(" ", "  "),
        HEADER[:-1],
        HEADER + "A",
        HEADER.replace("v1 1", "v1 １"),
        HEADER.replace("v1 1", "v1 -1"),
        "v1 1e12 " + HEADER.split(" ", 2)[2],
    ],
)
def test_a_malformed_header_is_refused(header: str | None) -> None:
    assert _is_refused(replace(REQUEST, header=header))


def test_a_noncanonical_signature_is_refused() -> None:
    """The last of 86 characters holds 2 bits that count for nothing: only zeros are accepted there."""
    others = [HEADER[:-1] + last for last in "ABCDEFGH" if last != HEADER[-1]]
    assert all(_is_refused(replace(REQUEST, header=header)) for header in others)


@given(st.text(max_size=200))
def test_no_header_raises_anything_else(header: str) -> None:
    with pytest.raises(Refused):
        parse_signature(header)


@given(st.integers(0, 63), st.integers(1, 255))
def test_a_flipped_bit_is_refused(position: int, flip: int) -> None:
    parsed = parse_signature(HEADER)
    broken = bytearray(parsed.signature)
    broken[position] ^= flip
    header = KEY.header(parsed.unix_ms, parsed.nonce, bytes(broken))
    assert _is_refused(replace(REQUEST, header=header))
