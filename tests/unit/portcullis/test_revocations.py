"""Revocations: what is signed is read back, nothing else is believed, and a book refuses what it is about alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from portcullis.errors import Refused
from portcullis.revocations import (
    KINDS,
    MAXIMUM_REVOCATION_BYTES,
    REMEMBERED_SECONDS,
    SESSIONS_OF_A_WORD,
    Revocation,
    RevocationBook,
    Visit,
    sign_revocation,
    verify_revocation,
)
from portcullis.tickets import Grant, from_base64url, to_base64url

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "revocations.json").read_text())
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
KEYS = {"k1": KEY.public_key()}
TENANT, USER, SESSION = "a" * 16, "b" * 16, "c" * 16
LOGIN, HOST = "d" * 64, "e" * 16
GRANT = Grant("k1", TENANT, USER, LOGIN, SESSION, HOST, frozenset({"display"}), b"\4", 1, 100.0, 1900.0)

texts = st.text("0123456789abcdef", min_size=1, max_size=64)
instants = st.floats(0, 1e10)
of_one = st.builds(
    Revocation,
    st.sampled_from(sorted(KINDS - {"sessions"})),
    texts,
    texts,
    instants,
    st.sampled_from(["signed_out", "not_entitled"]),
    st.one_of(st.just(""), texts),
    st.integers(0, 2**53 - 1),
)
session_ids = st.text("0123456789abcdef", min_size=16, max_size=16)
channels = st.sets(st.sampled_from(["display", "input", "clipboard_in", "clipboard_out"])).map(frozenset)
of_sessions = st.builds(
    Revocation,
    st.just("sessions"),
    session_ids,
    session_ids,
    instants,
    st.sampled_from(["grant_refused", "not_entitled"]),
    sessions=st.lists(session_ids, min_size=1, max_size=SESSIONS_OF_A_WORD, unique=True).map(tuple),
    channels=st.one_of(st.none(), channels),
)
revocations = st.one_of(of_one, of_sessions)


class Clock:
    passed = 0.0

    def now(self) -> float:
        return 1e9 + self.passed

    def monotonic(self) -> float:
        return self.passed


def book() -> tuple[RevocationBook, Clock]:
    clock = Clock()
    return RevocationBook(lambda: KEYS, clock), clock


def signed(kind: str, tenant: str, id: str, issued: float = 100.0, **more: object) -> str:
    made = Revocation(kind, tenant, id, issued, "signed_out", **more)  # type: ignore[arg-type]
    return sign_revocation(made, "k1", KEY)


@given(revocations)
def test_what_is_signed_is_read_back(revocation: Revocation) -> None:
    text = sign_revocation(revocation, "k1", KEY)
    assert len(text) <= MAXIMUM_REVOCATION_BYTES
    assert verify_revocation(text, KEYS) == revocation


@given(revocations, st.integers(0, 10_000), st.characters())
def test_one_changed_character_makes_it_nothing(revocation: Revocation, at: int, other: str) -> None:
    text = sign_revocation(revocation, "k1", KEY)
    at %= len(text)
    changed = text[:at] + other + text[at + 1 :]
    if changed != text:
        with pytest.raises(Refused, match="revocation_refused"):
            verify_revocation(changed, KEYS)


@given(st.text(max_size=300))
def test_whatever_else_arrives_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="revocation_refused"):
        verify_revocation(text, KEYS)


@pytest.mark.parametrize("vector", VECTORS["good"], ids=lambda vector: vector["name"])
def test_good_vectors_are_read(vector: dict[str, object]) -> None:
    read = verify_revocation(str(vector["text"]), KEYS)
    assert read.to_json() == vector["payload"]


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=lambda vector: vector["name"])
def test_bad_vectors_are_refused_though_some_are_signed(vector: dict[str, str]) -> None:
    with pytest.raises(Refused, match="revocation_refused"):
        verify_revocation(vector["text"], KEYS)


def test_a_grant_is_no_revocation_and_the_other_way_round() -> None:
    """The signatures are over different prefixes: neither payload passes as the other."""
    payload = json.dumps(Revocation("everything", "", "", 1.0, "signed_out").to_json()).encode()
    message = b"portcullis-grant.v1\0k1\0" + payload
    text = f"revocation.v1.k1.{to_base64url(payload)}.{to_base64url(KEY.sign(message))}"
    with pytest.raises(Refused):
        verify_revocation(text, KEYS)


@pytest.mark.parametrize(
    ("text", "refuses"),
    [
        (signed("login", TENANT, LOGIN, 50.0), True),  # a login never comes back, whatever clocks say
        (signed("login", TENANT, "0" * 64), False),
        (signed("login", "0" * 16, LOGIN), False),
        (signed("login", TENANT, LOGIN, session=SESSION), True),
        (signed("login", TENANT, LOGIN, 50.0, session=SESSION), False),
        (signed("user", TENANT, USER), True),
        (signed("user", TENANT, USER, 99.9), False),
        (signed("user", "0" * 16, USER), False),
        (signed("user", TENANT, USER, session=SESSION), True),
        (signed("user", TENANT, USER, session="0" * 16), False),
        (signed("session", TENANT, SESSION, 50.0), True),
        (signed("session", TENANT, "0" * 16), False),
        (signed("session", "0" * 16, SESSION), False),
        (signed("everything", "", ""), True),
        (signed("everything", "", "k2"), True),
        (signed("everything", "", "k1"), False),  # signed by the panic's new key
        (signed("everything", "", "", 99.9), False),
        (signed("sessions", TENANT, HOST, sessions=("0" * 16, SESSION)), True),
        (signed("sessions", TENANT, HOST, 99.9, sessions=(SESSION,)), False),
        (signed("sessions", TENANT, HOST, sessions=("0" * 16,)), False),
        (signed("sessions", TENANT, "0" * 16, sessions=(SESSION,)), False),
        (signed("sessions", "0" * 16, HOST, sessions=(SESSION,)), False),
        (signed("sessions", TENANT, HOST, sessions=(SESSION,), channels=frozenset()), False),
    ],
)
def test_a_book_refuses_what_it_is_about_and_nothing_else(text: str, refuses: bool) -> None:
    there, _ = book()
    assert there.refuses(GRANT) is None
    assert there.add(text) is not None
    assert there.refuses(GRANT) == ("signed_out" if refuses else None)


@pytest.mark.parametrize(
    ("text", "refuses"),
    [
        (signed("login", TENANT, LOGIN), True),
        (signed("login", TENANT, LOGIN, session=SESSION), False),
        (signed("user", TENANT, USER), True),
        (signed("user", TENANT, USER, 9.9), False),
        (signed("user", TENANT, USER, session=SESSION), False),
        (signed("session", TENANT, SESSION), False),
        (signed("sessions", TENANT, HOST, sessions=(SESSION,)), False),
        (signed("everything", "", "k2", epoch=3), True),
        (signed("everything", "", "k2", epoch=2), False),
    ],
)
def test_a_visit_is_over_where_all_its_grants_are(text: str, refuses: bool) -> None:
    there, _ = book()
    there.add(text)
    visit = Visit(TENANT, USER, LOGIN, began=10.0, epoch=3)
    assert (there.refuses_visit(visit) is not None) == refuses


def test_the_longest_word_about_sessions_is_short_enough_for_machines_of_before() -> None:
    ids = tuple(f"{number:016x}" for number in range(SESSIONS_OF_A_WORD))
    every = frozenset({"display", "input", "clipboard_in", "clipboard_out"})
    made = Revocation(
        "sessions", TENANT, HOST, 1763676000.1234567, "grant_refused", sessions=ids, channels=every
    )
    assert len(sign_revocation(made, "f" * 16, KEY)) <= MAXIMUM_REVOCATION_BYTES


def test_what_is_taken_of_a_grant_stays_taken_until_a_newer_grant_comes() -> None:
    there, clock = book()
    wide = replace(GRANT, channels=frozenset({"display", "input", "clipboard_in", "clipboard_out"}))
    into = frozenset({"display", "input", "clipboard_in"})
    there.add(signed("sessions", TENANT, HOST, sessions=(SESSION,), channels=into))
    there.add(signed("sessions", TENANT, HOST, sessions=("0" * 16,), channels=frozenset()))
    assert there.allowed(wide) == into and there.refuses(wide) is None
    there.add(
        signed("sessions", TENANT, HOST, sessions=(SESSION,), channels=wide.channels - {"clipboard_in"})
    )
    assert there.allowed(wide) == {"display", "input"}
    assert there.allowed(replace(wide, issued=100.1)) == wide.channels
    clock.passed = REMEMBERED_SECONDS + 1
    there.add(signed("user", TENANT, "0" * 16))
    assert there.allowed(wide) == wide.channels


@pytest.mark.parametrize(
    "change", [{"sessions": ""}, {"sessions": "x" * 16}, {"sessions": [SESSION]}, {"channels": "all"}]
)
def test_a_word_about_sessions_that_is_malformed_is_refused_though_it_is_signed(
    change: dict[str, object],
) -> None:
    made = Revocation("sessions", TENANT, HOST, 1.0, "not_entitled", sessions=(SESSION,)).to_json()
    payload = json.dumps(made | change, separators=(",", ":")).encode()
    message = b"portcullis-revocation.v1\0k1\0" + payload
    text = f"revocation.v1.k1.{to_base64url(payload)}.{to_base64url(KEY.sign(message))}"
    with pytest.raises(Refused, match="revocation_refused"):
        verify_revocation(text, KEYS)


def test_what_is_known_is_no_news_and_what_is_not_verified_is_refused() -> None:
    there, _ = book()
    text = signed("user", TENANT, USER)
    assert there.add(text) == verify_revocation(text, KEYS)
    assert there.add(text) is None
    with pytest.raises(Refused):
        there.add(text.replace(".k1.", ".k2."))
    assert there.living() == [text]


def test_a_book_forgets_when_every_grant_has_ended_that_it_could_refuse() -> None:
    there, clock = book()
    there.add(signed("user", TENANT, USER))
    clock.passed = REMEMBERED_SECONDS
    assert there.refuses(GRANT) == "signed_out"
    clock.passed += 0.1
    assert there.refuses(GRANT) is None
    assert there.living() == []


def test_keys_that_the_site_gives_up_take_back_no_revocation() -> None:
    """Nor do they make new ones."""
    keys = dict(KEYS)
    there = RevocationBook(lambda: keys, Clock())
    there.add(signed("user", TENANT, USER))
    keys.clear()
    assert there.refuses(GRANT) == "signed_out"
    with pytest.raises(Refused):
        there.add(signed("login", TENANT, LOGIN))


@given(revocations, revocations)
def test_one_revocation_never_hides_another(one: Revocation, other: Revocation) -> None:
    grants = [
        GRANT,
        replace(GRANT, tenant=one.tenant, user=one.id),
        replace(GRANT, tenant=other.tenant, login=other.id, session=other.session),
    ]
    there, _ = book()
    for each in (one, other):
        there.add(sign_revocation(each, "k1", KEY))
    for grant in grants:
        assert (there.refuses(grant) is not None) == (one.refuses(grant) or other.refuses(grant))


def test_a_signature_covers_the_very_bytes() -> None:
    text = signed("user", TENANT, USER)
    payload = from_base64url(text.split(".")[3])
    spaced = json.dumps(json.loads(payload), separators=(", ", ": ")).encode()
    with pytest.raises(Refused):
        verify_revocation(text.replace(to_base64url(payload), to_base64url(spaced)), KEYS)
