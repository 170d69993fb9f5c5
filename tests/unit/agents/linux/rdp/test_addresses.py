"""Where a host does not connect to for somebody."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.linux.rdp.addresses import networks_of, why_refused
from portcullis.errors import InvalidInput

REFUSED = (
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.1.1", "168.63.129.16"),
    *("100.100.100.200", "192.0.0.192", "224.0.0.1", "255.255.255.255", "240.0.0.1"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "ff02::1", "fd00:ec2::254"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:7f00:1::", "64:ff9b:1::7f00:1"),
)
FINE = (
    "10.0.0.5",
    "192.168.1.20",
    "172.16.3.4",
    "192.0.2.7",
    "8.8.8.8",
    "fd00::5",
    "2001:db8::5",
    "::ffff:10.0.0.5",
)


@pytest.mark.parametrize("text", REFUSED)
def test_what_leads_back_or_to_metadata_is_refused(text):
    assert why_refused(text) is not None


@pytest.mark.parametrize("text", FINE)
def test_other_machines_are_not(text):
    assert why_refused(text) is None


def test_what_is_no_address_is_refused():
    assert why_refused("example.com") == "no IP address"


def test_a_network_that_is_meant_is_let_through_and_nothing_else():
    allowed = networks_of("127.0.0.0/8, ::1/128")
    assert why_refused("127.0.0.1", allowed) is None
    assert why_refused("::1", allowed) is None
    assert why_refused("169.254.169.254", allowed) is not None
    assert networks_of(" ") == ()


@pytest.mark.parametrize("text", ["localhost", "127.0.0.1/8", "127.0.0.0/33", ",".join(["10.0.0.0/8"] * 65)])
def test_networks_that_make_no_sense_are_refused(text):
    with pytest.raises(InvalidInput, match="rdp-networks"):
        networks_of(text)


@given(st.ip_addresses(v=4, network="127.0.0.0/8") | st.ip_addresses(v=4, network="169.254.0.0/16"))
def test_no_way_of_writing_an_address_lets_it_through(address):
    number = int(address)
    spellings = [
        str(address),
        f"::ffff:{address}",
        str(ipaddress.IPv6Address(number)),
        str(ipaddress.IPv6Address((0x0064FF9B << 96) | number)),
        str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))),
    ]
    assert not [text for text in spellings if why_refused(text) is None]
