"""A host's revocations: who is told what, and the fence after the life of a grant without any broker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.revocations import HostRevocations
from portcullis.errors import Refused
from portcullis.protocol.worker_channel import Cut, Fence, Revoke
from portcullis.revocations import Revocation, sign_revocation
from portcullis.tickets import GRANT_LIFETIME_SECONDS, Grant

KEY = Ed25519PrivateKey.generate()
TENANT, USER, LOGIN = "a" * 16, "b" * 16, "d" * 64
GRANT = Grant("k", TENANT, USER, LOGIN, "c" * 16, "e" * 16, frozenset({"display"}), b"\4", 1, 10.0, 1e10)


@dataclass
class FakeSession:
    """A session as the manager keeps it: here only what it is told counts."""

    id: str = "c" * 16
    tenant: str = TENANT
    told: list[Any] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    knows_words: bool = True

    def send(self, message: Any) -> None:
        self.told.append(message)

    def end(self, code: str, detail: str | None = None) -> None:
        self.ended.append(code)


class Clock:
    passed = 0.0

    def now(self) -> float:
        return 1e9

    def monotonic(self) -> float:
        return self.passed


class Host:
    def __init__(self) -> None:
        self.clock = Clock()
        self.sessions = [FakeSession(), FakeSession("f" * 16), FakeSession("0" * 16, "9" * 16)]
        self.connected = False
        self.revocations = HostRevocations(
            lambda: {"k": KEY.public_key()}, self.clock, lambda: self.sessions, lambda: self.connected
        )


def text(kind: str, id: str, tenant: str = TENANT, **more: Any) -> str:
    return sign_revocation(Revocation(kind, tenant, id, 20.0, "signed_out", **more), "k", KEY)  # type: ignore[arg-type]


def test_every_worker_is_told_once_and_the_grant_is_refused() -> None:
    host, word = Host(), text("user", USER)
    host.revocations.take([word, "nonsense"])
    host.revocations.take([word])
    assert [session.told for session in host.sessions] == [[Revoke([word])]] * 3
    with pytest.raises(Refused, match="grant_refused"):
        host.revocations.check(GRANT)


def test_a_login_is_also_cut_in_the_words_of_older_workers_of_its_tenant() -> None:
    host, word = Host(), text("login", LOGIN)
    host.revocations.take([word])
    assert [Cut(LOGIN, "signed_out") in session.told for session in host.sessions] == [True, True, False]


def test_only_a_word_about_the_session_itself_ends_one() -> None:
    host = Host()
    host.revocations.take([text("user", USER), text("everything", "", ""), text("login", LOGIN)])
    host.revocations.take([text("session", "0" * 16)])  # of another tenant
    assert [session.ended for session in host.sessions] == [[], [], []]
    host.revocations.take([text("session", "c" * 16)])
    assert [session.ended for session in host.sessions] == [["logged_off"], [], []]


def test_a_word_about_sessions_is_told_to_their_workers_alone() -> None:
    host = Host()
    word = text("sessions", "e" * 16, sessions=("c" * 16,))
    host.revocations.take([word])
    assert [session.told for session in host.sessions] == [[Revoke([word])], [], []]
    with pytest.raises(Refused, match="grant_refused"):
        host.revocations.check(GRANT)
    late = FakeSession("f" * 16)
    host.revocations.welcome(late)
    assert late.told == []


def test_a_worker_of_before_that_knows_no_such_word_closes_its_connection() -> None:
    host = Host()
    host.sessions[0].knows_words = False
    word = text("sessions", "e" * 16, sessions=("c" * 16, "f" * 16), channels=frozenset({"display"}))
    host.revocations.take([word])
    assert host.sessions[0].told == [Fence("grant_refused"), Revoke([word])]
    assert host.sessions[1].told == [Revoke([word])]


def test_a_worker_that_comes_later_is_told_all_that_is_in_force() -> None:
    host, words = Host(), [text("user", USER), text("login", LOGIN)]
    late = FakeSession()
    host.revocations.welcome(late)
    host.revocations.take(words)
    host.revocations.welcome(late)
    assert late.told == [Revoke(words)]


def test_after_the_life_of_a_grant_without_a_broker_every_connection_is_closed() -> None:
    host = Host()
    host.clock.passed = GRANT_LIFETIME_SECONDS - 1
    host.revocations._look()
    host.revocations.check(GRANT)
    host.clock.passed += 1
    host.revocations._look()
    assert [session.told for session in host.sessions] == [[Fence("broker_unreachable")]] * 3
    assert [session.ended for session in host.sessions] == [[], [], []]
    with pytest.raises(Refused, match="host_unreachable"):
        host.revocations.check(GRANT)


@pytest.mark.parametrize("by_gateway", [True, False])
def test_a_broker_that_is_heard_by_either_way_keeps_the_fence_open_and_opens_it(by_gateway: bool) -> None:
    host = Host()
    host.clock.passed = GRANT_LIFETIME_SECONDS + 5
    if by_gateway:
        host.revocations.heard(seconds_ago=6.0)
    else:
        host.connected = True
    host.revocations._look()
    assert not host.revocations.is_fenced
    host.connected = False
    host.clock.passed += GRANT_LIFETIME_SECONDS
    host.revocations._look()
    assert host.revocations.is_fenced
    host.revocations.heard(seconds_ago=GRANT_LIFETIME_SECONDS)
    assert host.revocations.is_fenced
    host.revocations.heard()
    host.revocations.check(GRANT)


def test_a_gateway_that_heard_a_broker_long_ago_proves_nothing() -> None:
    host = Host()
    host.clock.passed = GRANT_LIFETIME_SECONDS
    host.revocations.heard(seconds_ago=GRANT_LIFETIME_SECONDS)
    assert host.revocations.is_fenced
