"""Passwords: hashing parameters, generated ones, and that an unknown account costs a verification too."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from broker.identity import passwords
from broker.identity.passwords import Passwords, generate_password, hash_password, verify_password
from portcullis.errors import Refused


@pytest.fixture
def pool() -> Iterator[Passwords]:
    pool = Passwords()
    yield pool
    pool.close()


def test_a_hash_is_argon2id_with_the_agreed_cost() -> None:
    assert hash_password("secret").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("text", ["", " ", "pässwörd", "x" * 1024, "a\0b", "😀" * 64])
def test_every_password_is_verified_as_it_was_given(text: str) -> None:
    stored = hash_password(text)
    assert verify_password(text, stored).correct
    assert not verify_password(text + "x", stored).correct


@pytest.mark.parametrize("stored", ["nonsense", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv"])
def test_a_broken_hash_verifies_nothing(stored: str) -> None:
    assert not verify_password("", stored).correct


def test_a_hash_of_lower_cost_is_outdated() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("secret")
    assert verify_password("secret", weak) == passwords.Verdict(correct=True, outdated=True)
    assert not verify_password("secret", hash_password("secret")).outdated


def test_generated_passwords_have_80_bit_and_no_lookalikes() -> None:
    made = {generate_password() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(r"([a-km-np-z2-9]{4}-){3}[a-km-np-z2-9]{4}", text) for text in made)


@pytest.mark.parametrize("stored", [None, ""])
async def test_an_unknown_account_costs_a_verification_and_is_wrong(
    pool: Passwords, stored: str | None
) -> None:
    assert not (await pool.verify("secret", stored)).correct
    assert pool.verifications == 1


async def test_a_flood_is_refused_before_it_is_hashed(
    pool: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "MAXIMUM_WAITING", 4)
    stored = await pool.hash("secret")

    async def sign_in() -> passwords.Verdict:
        with pool.reserved():
            return await pool.verify("secret", stored)

    attempts = [sign_in() for _ in range(passwords.MAXIMUM_WAITING + 10)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert len(refused) == 10
    assert {error.code for error in refused} == {"sign_in_blocked"}
    assert pool.verifications == passwords.MAXIMUM_WAITING
    assert (await sign_in()).correct
