"""Ids, bearer secrets, and the hash that makes names unique."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.ids import BearerSecret, is_id, name_hash, new_id, new_secret, parse_secret

SCOPE = "0123456789abcdef"
TEXT = f"login_{SCOPE}_{'a' * 64}"


def test_ids_are_ids_and_differ() -> None:
    ids = [new_id() for _ in range(100)]
    assert all(map(is_id, ids))
    assert len(set(ids)) == 100


@pytest.mark.parametrize(
    "text", ["", SCOPE + "0", SCOPE[1:], SCOPE.upper(), SCOPE[1:] + "g", SCOPE + "\n", "٣" * 16, "site"]
)
def test_anything_else_is_no_id(text: str) -> None:
    assert not is_id(text)


@pytest.mark.parametrize("kind", ["api", "login", "ticket", "join"])
def test_a_secret_leads_back_to_itself(kind: str) -> None:
    secret = new_secret(kind, SCOPE)
    assert parse_secret(secret.text, kind) == secret
    assert (secret.kind, secret.scope) == (kind, SCOPE)


def test_secrets_differ_and_have_256_bit() -> None:
    texts = {new_secret("api", SCOPE).text for _ in range(100)}
    assert len(texts) == 100
    assert all(len(text.rsplit("_", 1)[1]) == 64 for text in texts)


def test_the_hash_is_of_the_whole_text() -> None:
    assert BearerSecret("login", SCOPE, TEXT).hash == hashlib.sha256(TEXT.encode()).hexdigest()


def test_a_secret_of_another_kind_is_none() -> None:
    assert parse_secret(TEXT, "ticket") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[:-1],
        TEXT + "a",
        TEXT + "\n",
        " " + TEXT,
        TEXT.upper(),
        TEXT.replace("_", "-"),
        TEXT.replace("a", "٣"),
        TEXT.replace("login", "other"),
        TEXT.replace(SCOPE, "site"),
        TEXT + "_" + "b" * 64,
    ],
)
def test_what_is_no_secret_is_none(text: str) -> None:
    assert parse_secret(text, "login") is None


@given(st.text(max_size=100))
def test_no_text_breaks_the_parser(text: str) -> None:
    assert parse_secret(text, "login") is None


def test_a_secret_never_shows_itself() -> None:
    secret = new_secret("api", SCOPE)
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}", f"{secret!r:>100}"):
        assert secret.text.rsplit("_", 1)[1] not in shown
        assert SCOPE in shown


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Demo", "dEMO"),
        ("Straße", "STRASSE"),
        ("é", "e\u0301"),
        ("ﬁle", "FILE"),
        ("Å", "Å"),
        ("ａｂｃ", "abc"),
    ],
)
def test_names_that_look_alike_are_one(one: str, other: str) -> None:
    assert name_hash(one) == name_hash(other)


def test_names_that_differ_are_two() -> None:
    assert len({name_hash(name) for name in ("a", "b", "a ", "á", "", "ab")}) == 6


@given(st.text(max_size=20))
def test_the_fold_is_the_end_of_folding(name: str) -> None:
    assert name_hash(name.casefold()) == name_hash(name) == name_hash(name_of_fold(name))
    assert len(name_hash(name)) == 64


def name_of_fold(name: str) -> str:
    """A name that was folded once more, as a client might send it."""
    return name.casefold().casefold()
