import pytest

from gateway.guard import Gate, client_of


class Peer:
    """A transport as far as `client_of` looks at one."""

    def __init__(self, *peername):
        self._peername = peername

    def get_extra_info(self, name):
        return {"peername": self._peername or None}[name]


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        (("192.0.2.7", 1234), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1, 0, 0), "2001:db8:1:2::/64"),
        (("2001:db8:1:2:ffff::1", 1, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 1, 0, 2), "fe80::/64"),
        (("::ffff:192.0.2.7", 1, 0, 0), "192.0.2.7"),
        ((), None),
    ],
)
def test_one_client_is_an_ipv4_address_or_an_ipv6_network(peer, client):
    assert client_of(Peer(*peer)) == client


def test_a_gate_counts_all_and_each():
    gate = Gate(3, 2)
    assert [gate.enter("a"), gate.enter("a"), gate.enter("a")] == [True, True, False]
    assert [gate.enter("b"), gate.enter("b")] == [True, False]
    gate.leave("a")
    assert gate.enter("b")
    assert gate.total == 3


def test_a_gate_forgets_clients_that_have_left():
    gate = Gate(10, 10)
    for client in "abc":
        assert gate.enter(client)
        gate.leave(client)
    assert (gate.total, dict(gate._held)) == (0, {})
