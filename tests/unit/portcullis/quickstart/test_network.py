"""What `--listen`, `--name`, `--cert`, `--key` and `--port` come to, and what is refused before anything changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from portcullis.quickstart import network
from portcullis.quickstart.errors import QuickstartError
from portcullis.quickstart.network import Network, Wish, choose
from tests.support.certificates import PublicCa

NAME = "apps.example.com"
HERE = "127.0.0.2"  # an address that every machine has


def chosen(
    wish: Wish, current: Network | None = None, taken: frozenset[int] = frozenset(), low_ports: bool = True
) -> Network | None:
    return choose(current, wish, lambda address, port: port not in taken, low_ports=low_ports)


def test_nothing_asked_for_is_loopback() -> None:
    assert chosen(Wish()) is None


def test_https_is_on_its_own_port_where_it_can_be() -> None:
    found = chosen(Wish(HERE, NAME))
    assert found == Network(HERE, NAME, 443)
    assert found.origin == f"https://{NAME}"


@pytest.mark.parametrize(("taken", "low_ports"), [(frozenset({443}), True), (frozenset(), False)])
def test_else_it_is_on_the_first_free_other_one(taken: frozenset[int], low_ports: bool) -> None:
    found = chosen(Wish(HERE, NAME), None, taken | {8443}, low_ports)
    assert found is not None
    assert (found.port, found.origin) == (8444, f"https://{NAME}:8444")


def test_it_is_remembered() -> None:
    before = Network(HERE, NAME, 8443, "/c", "/k")
    assert chosen(Wish(), before) == before


def test_another_name_keeps_address_and_port() -> None:
    found = chosen(Wish(name="other.example"), Network(HERE, NAME, 8500))
    assert found == Network(HERE, "other.example", 8500)


def test_another_port_keeps_all_else() -> None:
    before = Network(HERE, NAME, 443, "/c", "/k")
    assert chosen(Wish(port=9000), before) == Network(HERE, NAME, 9000, "/c", "/k")


@pytest.mark.parametrize("word", ["localhost", "loopback"])
def test_the_way_back_is_localhost(word: str) -> None:
    assert chosen(Wish(word), Network(HERE, NAME, 443)) is None


def test_plain_http_takes_no_name() -> None:
    with pytest.raises(QuickstartError, match="plain http"):
        chosen(Wish("localhost", NAME))


@pytest.mark.parametrize("wish", [Wish(HERE), Wish(name=NAME)])
def test_address_and_name_go_together(wish: Wish) -> None:
    with pytest.raises(QuickstartError, match="go together"):
        chosen(wish)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "this machine has no such address"),
        ("2001:db8::1", "this machine has no such address"),
        ("0.0.0.0", "one address"),
        ("::", "one address"),
        ("224.0.0.1", "one address"),
        ("example.com", "expected an IP address"),
        ("127.0.0.2:443", "expected an IP address"),
        ("", "expected an IP address|go together"),
    ],
)
def test_an_address_that_is_not_this_machines_is_refused(address: str, expected: str) -> None:
    with pytest.raises(QuickstartError, match=expected):
        chosen(Wish(address, NAME))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "-x.example",
            "a..b",
            ".",
            "a_b.example",
            "B\u00fccher.example",
            "Apps.Example.com",
            "a.example:443",
        ),
        *(
            "https://a.example",
            "192.0.2.1",
            "1.2.3",
            "a.0x1f",
            "x" * 64 + ".example",
            "a." * 127 + "a",
            "a b",
        ),
        *("*.example.com", "example.com."),
    ],
)
def test_a_name_that_is_none_of_the_dns_is_refused(name: str) -> None:
    with pytest.raises(QuickstartError, match="a DNS name"):
        chosen(Wish(HERE, name))


@pytest.mark.parametrize(
    "name", ["a", "xn--bcher-kva.example", "1.example", "a-b.c-d.example", "x" * 63 + ".de"]
)
def test_a_name_of_the_dns_is_taken(name: str) -> None:
    assert chosen(Wish(HERE, name)) == Network(HERE, name, 443)


def test_a_port_in_use_is_refused() -> None:
    with pytest.raises(QuickstartError, match=r"port 9000 of 127\.0\.0\.2 is in use"):
        chosen(Wish(HERE, NAME, port=9000), None, frozenset({9000}))
    with pytest.raises(QuickstartError, match=r"port 9000 of 127\.0\.0\.2 is in use"):
        chosen(Wish(port=9000), Network(HERE, NAME, 443), frozenset({9000}))


@pytest.mark.parametrize("half", [{"certificate": Path("/c")}, {"key": Path("/k")}])
def test_certificate_and_key_go_together(half: dict[str, Path]) -> None:
    with pytest.raises(QuickstartError, match="--cert and --key go together"):
        chosen(Wish(HERE, NAME, **half))


def test_a_certificate_of_another_name_is_refused_by_code(tmp_path: Path) -> None:
    files = PublicCa().issue("other.example").write(tmp_path)
    with pytest.raises(QuickstartError, match=r"is for other\.example, not for .* \[tls_refused\]"):
        chosen(Wish(HERE, NAME, files.certificate, files.key))


def test_a_certificate_is_taken_and_without_one_the_web_ca_is_meant_again(tmp_path: Path) -> None:
    files = PublicCa().issue(NAME).write(tmp_path)
    found = chosen(Wish(HERE, NAME, files.certificate, files.key))
    assert found is not None
    assert found.files == files
    assert chosen(Wish(HERE, NAME), found) == Network(HERE, NAME, 443)


def test_addresses_of_this_machine_are_literals_and_not_loopback() -> None:
    assert not [address for address in network.addresses() if address.startswith("127.") or address == "::1"]
