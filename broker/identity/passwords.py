"""Passwords: argon2id hashes, made and verified off the event loop, and passwords that we generate.

A verification costs the same whether the account exists or not: an unknown one is checked against a dummy
hash. Two threads do the work (24 ms and 19 MiB each), so that a flood of sign-ins can take neither the
processor nor the memory; what would wait longer than about a second is refused before it is hashed.
"""

from __future__ import annotations

import asyncio
import functools
import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from broker.identity.password_rules import check_password
from broker.identity.recovery_codes import ALPHABET
from portcullis.errors import Refused

MAXIMUM_PASSWORD_BYTES = 1024
SLOTS = 2
MAXIMUM_WAITING = 40
RETRY_AFTER_SECONDS = 5

_GROUPS, _GROUP_LENGTH = 4, 4  # 16 signs of 5 bit: 80 bit

# Of OWASP's equivalent parameters those that a broker can afford ten times a second, twice for each sign-in.
HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


@dataclass(frozen=True, slots=True)
class Verdict:
    correct: bool
    outdated: bool = False
    """The hash was made with other parameters than today's: hash the password again."""


def hash_password(text: str) -> str:
    """Takes about 24 ms: on the event loop use `Passwords.hash`."""
    return HASHER.hash(text)


def generate_password() -> str:
    """80 bit, in groups that can be read out and typed."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))


def verify_password(text: str, stored: str) -> Verdict:
    try:
        HASHER.verify(stored, text)
    except (VerificationError, InvalidHashError):
        return Verdict(correct=False)
    return Verdict(correct=True, outdated=HASHER.check_needs_rehash(stored))


@functools.cache
def _dummy_hash() -> str:
    """Of a password that nobody has. Made when the pool is, so that no sign-in pays for it."""
    return hash_password(secrets.token_hex(32))


class Passwords:
    """The pool. Owned by the broker's composition root, which closes it."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(SLOTS, thread_name_prefix="argon2")
        self._dummy_hash = _dummy_hash()
        self._waiting = 0
        self.verifications = 0
        """How many were done since the start, for unknown accounts too."""

    async def hash(self, text: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._pool, hash_password, text)

    async def check_choice(self, text: str, names: Sequence[str]) -> None:
        """Raises InvalidInput for a password that nobody should choose (`password_rules`)."""
        await asyncio.get_running_loop().run_in_executor(self._pool, check_password, text, names)

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """A place in the queue, taken before anything else is done for a sign-in.

        Raises Refused("sign_in_blocked") when too many wait already.
        """
        if self._waiting >= MAXIMUM_WAITING:
            raise Refused("sign_in_blocked", retry_after_seconds=RETRY_AFTER_SECONDS)
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def verify(self, text: str, stored: str | None) -> Verdict:
        """Whether `text` is the password of the hash; None or "" (no such account) takes the same work and is
        false.
        """
        loop = asyncio.get_running_loop()
        verdict = await loop.run_in_executor(self._pool, verify_password, text, stored or self._dummy_hash)
        self.verifications += 1
        return verdict if stored else Verdict(correct=False)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
