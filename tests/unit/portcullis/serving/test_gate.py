import pytest

from portcullis.serving.gate import Gate, client_of


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
    first, second, third = gate.enter("a"), gate.enter("a"), gate.enter("a")
    assert (first is None, second is None, third) == (False, False, None)
    assert gate.enter("b") is not None
    assert gate.enter("b") is None
    first.leave()
    assert gate.enter("b") is not None
    assert gate.total == 3


def test_a_place_is_left_once():
    gate = Gate(3, 2)
    place = gate.enter("a")
    gate.enter("a")
    place.leave()
    place.leave()
    assert gate.total == 1


def test_a_gate_forgets_clients_that_have_left_or_found_no_place():
    gate = Gate(1, 10)
    for client in "abc":
        gate.enter(client).leave()
    gate.enter("d")
    assert gate.enter("e") is None
    assert (gate.total, set(gate._held)) == (1, {"d"})


def test_who_has_waited_longest_gives_way_to_a_newcomer_of_the_same_client():
    gate, gone = Gate(10, 2), []
    for name in ("first", "second"):
        gate.enter("a").waits(lambda name=name: gone.append(name))
    gate.enter("b").waits(lambda: gone.append("other client"))
    assert gate.enter("a") is not None
    assert gone == ["first"]
    assert gate.total == 3


def test_when_all_places_are_taken_anybody_who_waits_gives_way():
    gate, gone = Gate(2, 2), []
    gate.enter("a").waits(lambda: gone.append("a"))
    gate.enter("b")
    assert gate.enter("c") is not None
    assert gate.enter("d") is None
    assert gone == ["a"]


def test_who_has_something_to_do_keeps_its_place():
    gate, gone = Gate(1, 1), []
    place = gate.enter("a")
    place.waits(lambda: gone.append("a"))
    place.keeps()
    assert gate.enter("a") is None
    place.waits(lambda: gone.append("a"))
    assert gate.enter("a") is not None
    assert gone == ["a"]
    place.waits(lambda: gone.append("again"))  # of a place that is lost
    assert gate.enter("a") is None
    assert gone == ["a"]


def test_waiting_anew_goes_behind_the_others():
    gate, gone = Gate(2, 2), []
    one, other = gate.enter("a"), gate.enter("a")
    one.waits(lambda: gone.append("one"))
    other.waits(lambda: gone.append("other"))
    one.waits(lambda: gone.append("one"))
    gate.enter("a")
    assert gone == ["other"]
