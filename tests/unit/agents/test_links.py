import secrets
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.links import Doorkeeper
from portcullis.errors import Refused
from portcullis.protocol import worker_channel
from portcullis.protocol.directory import GatewayEntry
from portcullis.protocol.link import Attach, Leave
from portcullis.protocol.worker_channel import Dial, Gateway
from portcullis.tickets import Grant, sign_grant

KEY, OTHER_KEY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
HOST, SESSION, TENANT = "a" * 16, "b" * 16, "c" * 16
GATEWAY = GatewayEntry("edge", "127.0.0.1:9443")
NOW = 1_000.0


@dataclass
class Running:
    state: str = "ready"
    e: int = 0
    reference: str = "L-1"
    sent: list = field(default_factory=list)

    def send(self, message):
        self.sent.append(message)


class FixedClock:
    def now(self):
        return NOW

    def monotonic(self):
        return NOW


def grant(key=KEY, **changes):
    fields = {
        "kid": "k1",
        "tenant": TENANT,
        "user": "u",
        "login": "l",
        "session": SESSION,
        "host": HOST,
        "channels": frozenset({"display"}),
        "client_key": b"\4" + bytes(64),
        "e": 1,
        "issued": NOW - 10,
        "expires": NOW + 10,
    }
    return sign_grant(Grant(**{**fields, **changes}), key)


def attach(session, text, tenant=TENANT):
    def find(name, of):
        return session if (name, of) == (SESSION, TENANT) else None

    doorkeeper = Doorkeeper(HOST, FixedClock(), lambda: {"k1": KEY.public_key()}, find)
    doorkeeper.attach(Attach("0" * 16, SESSION, tenant, "d" * 64, text), GATEWAY)


@pytest.mark.parametrize("state", ["ready", "active", "disconnected"])
def test_worker_is_told_to_dial_the_gateway_that_asked(state):
    session, text = Running(state), grant()
    attach(session, text)
    assert session.sent == [Dial(Gateway("edge", "127.0.0.1:9443"), "d" * 64, text, "0" * 16)]


def test_worker_is_told_which_connection_its_gateway_gives_away():
    session = Running("active")
    found = {(SESSION, TENANT): session}
    doorkeeper = Doorkeeper(HOST, FixedClock(), dict, lambda *name: found.get(name))
    doorkeeper.leave(Leave("0" * 16, SESSION, TENANT))
    doorkeeper.leave(Leave("1" * 16, SESSION, "f" * 16))
    assert session.sent == [worker_channel.Leave("0" * 16)]


@pytest.mark.parametrize(
    ("session", "text", "tenant", "code"),
    [
        (None, grant(), TENANT, "session_unknown"),
        (Running(), grant(tenant="f" * 16), "f" * 16, "session_unknown"),
        (Running("pending"), grant(), TENANT, "session_unknown"),
        (Running("ended"), grant(), TENANT, "session_unknown"),
        (Running(), grant(OTHER_KEY), TENANT, "grant_refused"),
        (Running(), grant(kid="k2"), TENANT, "grant_refused"),
        (Running(), grant(expires=NOW), TENANT, "grant_refused"),
        (Running(), grant(host="f" * 16), TENANT, "grant_refused"),
        (Running(), grant(session="f" * 16), TENANT, "grant_refused"),
        (Running(), grant(tenant="f" * 16), TENANT, "grant_refused"),
        (Running(), "", TENANT, "grant_refused"),
        (Running(), secrets.token_hex(100), TENANT, "grant_refused"),
        (Running(e=2), grant(), TENANT, "taken_over"),
    ],
)
def test_attach_that_is_not_right_never_reaches_the_worker(session, text, tenant, code):
    with pytest.raises(Refused) as refused:
        attach(session, text, tenant)
    assert refused.value.code == code
    assert session is None or session.sent == []
