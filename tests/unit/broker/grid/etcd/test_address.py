from __future__ import annotations

from pathlib import Path

import pytest

from broker.grid.etcd.address import parse_address
from portcullis.errors import InvalidInput

PEM = b"-----BEGIN CERTIFICATE-----\n"


def test_every_member_is_named_with_its_port_or_etcds_own() -> None:
    address = parse_address("etcd://a:1,b,[::1]:3,[::1]", None, None, None)
    assert [str(endpoint) for endpoint in address.endpoints] == ["a:1", "b:2379", "[::1]:3", "[::1]:2379"]
    assert address.tls is None


def test_a_secure_address_reads_its_files(tmp_path: Path) -> None:
    (tmp_path / "ca").write_bytes(PEM)
    address = parse_address("etcds://a", tmp_path / "ca", None, None)
    assert address.tls is not None
    assert (address.tls.ca, address.tls.certificate, address.tls.key) == (PEM, None, None)


def test_a_key_is_in_no_repr(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"-----BEGIN PRIVATE KEY----- canary")
    address = parse_address("etcds://a", None, tmp_path / "key", tmp_path / "key")
    assert address.tls is not None
    assert "key=" not in repr(address)


@pytest.mark.parametrize(
    "text", ["", "a:2379", "http://a", "etcds://", "etcd://a,,b", "etcd://a:x", "etcd://a,a:2379"]
)
def test_what_names_no_cluster_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="--grid"):
        parse_address(text, None, None, None)


def test_files_that_do_not_fit_are_refused_by_their_option(tmp_path: Path) -> None:
    pem, junk = tmp_path / "pem", tmp_path / "junk"
    pem.write_bytes(PEM)
    junk.write_bytes(b"junk")
    for text, ca, cert, key, option in (
        ("etcds://a", tmp_path / "none", None, None, "--grid-ca"),
        ("etcds://a", junk, None, None, "--grid-ca"),
        ("etcds://a", None, pem, None, "--grid-cert"),
        ("etcds://a", None, pem, junk, "--grid-key"),
        ("etcd://a", pem, None, None, "--grid"),
    ):
        with pytest.raises(InvalidInput, match=option):
            parse_address(text, ca, cert, key)
