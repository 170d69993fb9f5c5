"""What a browser signs is what the broker and the worker verify: one vector file, read here and in tests/web."""

from __future__ import annotations

import json

import pytest

from portcullis.tickets import from_base64url, is_signed_by
from tests.support.web_vectors import SIGNATURES, signature_vectors

STORED = json.loads(SIGNATURES.read_text(encoding="utf-8"))
SIGNED = [vector for vector in STORED["requests"] + STORED["attaches"] if vector["signature"]]


def test_the_stored_vectors_are_what_python_makes() -> None:
    assert signature_vectors() == STORED


@pytest.mark.parametrize("vector", SIGNED, ids=lambda vector: vector["name"])
def test_a_signature_made_by_webcrypto_is_accepted(vector: dict[str, str]) -> None:
    key, signature = from_base64url(STORED["client_key"]), from_base64url(vector["signature"])
    assert is_signed_by(key, signature, bytes.fromhex(vector["message"]))
    assert not is_signed_by(key, signature, bytes.fromhex(vector["message"]) + b"\0")
