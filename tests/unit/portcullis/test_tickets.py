"""Grants and the browser's signatures, with vectors that a JavaScript client must agree on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from portcullis.errors import InvalidInput, Refused
from portcullis.tickets import (
    CHANNELS,
    MAXIMUM_GRANT_BYTES,
    Grant,
    attach_message,
    from_base64url,
    is_signed_by,
    parse_client_key,
    request_message,
    sign_grant,
    to_base64url,
    verify_grant,
    verifying_keys,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = {"k1": KEY.public_key()}
CLIENT = ec.derive_private_key(7, ec.SECP256R1())
NOW = 1_763_676_000.0


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    return b"\4" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def signed(message: bytes, key: ec.EllipticCurvePrivateKey = CLIENT) -> bytes:
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


GRANT = Grant(
    kid="k1",
    tenant="t" * 16,
    user="u" * 16,
    login="l" * 64,
    session="s" * 16,
    host="h" * 16,
    channels=CHANNELS,
    client_key=point(CLIENT),
    e=3,
    issued=NOW,
    expires=NOW + 1800,
)
SIGNED = sign_grant(GRANT, KEY)

grants = st.builds(
    Grant,
    kid=st.just("k1"),
    tenant=st.text(max_size=20),
    user=st.text(max_size=20),
    login=st.text(max_size=64),
    session=st.text(max_size=20),
    host=st.text(max_size=20),
    channels=st.frozensets(st.sampled_from(sorted(CHANNELS))),
    client_key=st.binary(min_size=65, max_size=65),
    e=st.integers(0, 2**32 - 1),
    issued=st.floats(0, 1e10),
    expires=st.floats(NOW + 1, 1e10),
)


class TestBase64url:
    @given(st.binary(max_size=100))
    def test_bytes_lead_back_to_themselves(self, data: bytes) -> None:
        assert from_base64url(to_base64url(data)) == data

    @pytest.mark.parametrize(
        ("data", "text"), [(b"", ""), (b"\xff\xfe\xfd", "__79"), (b"\0", "AA"), (b"a>", "YT4")]
    )
    def test_vectors(self, data: bytes, text: str) -> None:
        assert (to_base64url(data), from_base64url(text)) == (text, data)

    @pytest.mark.parametrize("text", ["A", "AA==", "AB", "A A", "AA\n", "+/", "Aé", "٣٣", "AAA=", "=", "\0"])
    def test_any_other_spelling_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="base64url"):
            from_base64url(text)

    @given(st.text(max_size=20))
    def test_two_texts_never_mean_the_same(self, text: str) -> None:
        try:
            data = from_base64url(text)
        except ValueError:
            return
        assert to_base64url(data) == text


class TestGrants:
    @given(grants)
    def test_a_signed_grant_reads_as_it_was(self, grant: Grant) -> None:
        text = sign_grant(grant, KEY)
        assert verify_grant(text, KEYS, NOW) == grant

    def test_the_form_is_as_documented(self) -> None:
        name, version, kid, payload, signature = SIGNED.split(".")
        assert (name, version, kid) == ("grant", "v1", "k1")
        KEY.public_key().verify(
            from_base64url(signature), b"portcullis-grant.v1\0k1\0" + from_base64url(payload)
        )
        assert json.loads(from_base64url(payload))["session"] == GRANT.session

    def test_the_vector_never_changes(self) -> None:
        """Ed25519 is deterministic: a changed text means that grants of the last version no longer verify."""
        assert hashlib.sha256(SIGNED.encode()).hexdigest() == VECTOR

    def test_a_grant_of_real_ids_is_far_below_its_bound(self) -> None:
        assert len(SIGNED) < MAXIMUM_GRANT_BYTES / 3

    def test_it_is_void_from_its_expiry_on(self) -> None:
        assert verify_grant(SIGNED, KEYS, GRANT.expires - 0.001) == GRANT
        for now in (GRANT.expires, GRANT.expires + 1, float("inf")):
            self.refused(SIGNED, now=now)

    def test_a_clock_that_is_no_number_opens_nothing(self) -> None:
        self.refused(sign_grant(replace(GRANT, expires=float("nan")), KEY))

    @pytest.mark.parametrize("expires", [float("inf"), float("nan")])
    def test_a_grant_without_an_end_is_refused(self, expires: float) -> None:
        self.refused(sign_grant(replace(GRANT, expires=expires), KEY))

    def test_another_key_is_refused(self) -> None:
        self.refused(sign_grant(GRANT, Ed25519PrivateKey.generate()))

    def test_an_unknown_kid_is_refused(self) -> None:
        self.refused(sign_grant(replace(GRANT, kid="k2"), KEY))

    def test_a_kid_cannot_be_exchanged(self) -> None:
        other = Ed25519PrivateKey.generate()
        keys = {**KEYS, "k2": other.public_key(), "k3": KEY.public_key()}
        for kid in ("k2", "k3"):
            with pytest.raises(Refused):
                verify_grant(SIGNED.replace(".k1.", f".{kid}."), keys, NOW)

    @given(st.data())
    def test_no_character_can_be_changed(self, data: st.DataObject) -> None:
        position = data.draw(st.integers(0, len(SIGNED) - 1))
        other = data.draw(
            st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != SIGNED[position])
        )
        self.refused(SIGNED[:position] + other + SIGNED[position + 1 :])

    @given(st.integers(0, len(SIGNED) - 1))
    def test_no_part_is_enough(self, length: int) -> None:
        self.refused(SIGNED[:length])

    @given(st.text(max_size=200))
    def test_no_text_is_a_grant(self, text: str) -> None:
        self.refused(text)
        self.refused(f"grant.v1.k1.{text}")

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "....",
            "grant.v2." + SIGNED[9:],
            "ticket" + SIGNED[5:],
            SIGNED + ".",
            SIGNED + "A" * 4096,
            SIGNED + "\n",
        ],
    )
    def test_other_forms_are_refused(self, text: str) -> None:
        self.refused(text)

    @pytest.mark.parametrize(
        "payload",
        [
            {"e": -1},
            {"e": 2**32},
            {"e": 1.0},
            {"e": "1"},
            {"e": True},
            {"e": None},
            {"client_key": "A"},
            {"client_key": 7},
            {"channels": 5},
            {"channels": None},
            {"expires": "soon"},
            {"expires": None},
            {"expires": [1]},
            {"issued": {}},
            {"expires": "1e12"},
            {"expires": True},
            {"expires": 10**400},
            {"issued": float("nan")},
            {"session": 7},
            {"tenant": None},
            {"channels": [1]},
            {"client_key": None},
        ],
    )
    def test_a_signed_payload_is_still_checked(self, payload: dict[str, Any]) -> None:
        """A key that signed something else by mistake must not become a grant by accident."""
        self.refused(self.sign({**GRANT.to_json(), **payload}))

    @pytest.mark.parametrize(
        "payload", [b"", b"{}", b"[]", b"null", b"\xff", b"{" * 900, b'"text"', b"[" * 1000]
    )
    def test_a_signed_payload_of_another_shape_is_refused(self, payload: bytes) -> None:
        signature = KEY.sign(b"portcullis-grant.v1\0k1\0" + payload)
        self.refused(f"grant.v1.k1.{to_base64url(payload)}.{to_base64url(signature)}")

    @pytest.mark.parametrize("missing", sorted(GRANT.to_json()))
    def test_every_field_is_needed(self, missing: str) -> None:
        payload = GRANT.to_json()
        del payload[missing]
        self.refused(self.sign(payload))

    def test_fields_and_channels_of_a_later_version_are_ignored(self) -> None:
        payload = {**GRANT.to_json(), "new": 1, "channels": [*GRANT.channels, "audio"]}
        assert verify_grant(self.sign(payload), KEYS, NOW) == GRANT

    def test_keys_are_read_as_machines_are_told(self) -> None:
        told = {"k1": to_base64url(KEY.public_key().public_bytes_raw())}
        assert verify_grant(SIGNED, verifying_keys(told), NOW) == GRANT

    @staticmethod
    def sign(payload: Any) -> str:
        data = json.dumps(payload).encode()
        signature = KEY.sign(b"portcullis-grant.v1\0k1\0" + data)
        return f"grant.v1.k1.{to_base64url(data)}.{to_base64url(signature)}"

    @staticmethod
    def refused(text: str, now: float = NOW) -> None:
        with pytest.raises(Refused) as raised:
            verify_grant(text, KEYS, now)
        assert raised.value.code == "grant_refused"


class TestSignatures:
    def test_the_attach_message_is_as_documented(self) -> None:
        message = attach_message(b"n" * 32, "grant", 1, 258, "session", 3)
        assert message == (
            b"portcullis-attach.v1\0"
            + b"n" * 32
            + hashlib.sha256(b"grant").digest()
            + b"\x01"
            + b"\x02\x01\x00\x00"
            + b"\x07\x00session"
            + b"\x03\x00\x00\x00"
        )

    def test_the_request_message_is_as_documented(self) -> None:
        assert request_message("POST", "/api/v1/sessions?x=1", b"{}", 1763676000123, "nonce") == (
            b"portcullis-request.v1\nPOST\n/api/v1/sessions?x=1\n"
            b"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\n1763676000123\nnonce"
        )

    @given(st.binary(max_size=50))
    def test_a_signature_is_recognised(self, message: bytes) -> None:
        assert is_signed_by(point(CLIENT), signed(message), message)

    def test_one_by_another_key_or_over_another_message_is_not(self) -> None:
        other = ec.generate_private_key(ec.SECP256R1())
        assert not is_signed_by(point(other), signed(b"m"), b"m")
        assert not is_signed_by(point(CLIENT), signed(b"m"), b"n")

    @given(st.binary(max_size=130))
    def test_no_bytes_are_a_signature(self, data: bytes) -> None:
        assert not is_signed_by(point(CLIENT), data, b"m")

    @pytest.mark.parametrize("signature", [bytes(64), b"\xff" * 64, signed(b"m") + b"\0", signed(b"m")[:63]])
    def test_degenerate_signatures_are_not(self, signature: bytes) -> None:
        assert not is_signed_by(point(CLIENT), signature, b"m")

    @given(st.binary(max_size=70))
    def test_no_bytes_are_a_key_unless_they_are(self, raw: bytes) -> None:
        assert not is_signed_by(raw, signed(b"m"), b"m")

    def test_a_point_is_taken_in_one_form_alone(self) -> None:
        raw = point(CLIENT)
        assert parse_client_key(raw).public_numbers() == CLIENT.public_key().public_numbers()
        off_curve = raw[:-1] + bytes([raw[-1] ^ 1])
        compressed = b"\2" + raw[1:33]
        for wrong in (
            b"",
            raw[:-1],
            raw + b"\0",
            b"\6" + raw[1:],
            compressed,
            off_curve,
            b"\4" + bytes(64),
            bytes(65),
        ):
            with pytest.raises(InvalidInput) as raised:
                parse_client_key(wrong)
            assert raised.value.field == "client_key"


VECTOR = "4a39f26ef88b27d1a8561fdca03835b4c474283f929a01a22e9d6bc936ae4cfb"
