"""What a web CA may say: judged by OpenSSL and by an independent path builder, not by our own reading of it."""

from __future__ import annotations

import datetime
import ipaddress
import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification

from broker.pki.web_certificates import WebCa, make_web_ca, make_web_certificate, parse_web_csr
from portcullis.errors import InvalidInput

NAME = "apps.example"
NOW = time.time()
KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def ca() -> WebCa:
    return make_web_ca(NAME, NOW)


def openssl_says(folder: Path, ca: WebCa, leaf: x509.Certificate, *options: str) -> str:
    for name, certificate in (("root", ca.root), ("issuer", ca.certificate), ("leaf", leaf)):
        (folder / name).write_bytes(certificate.public_bytes(Encoding.PEM))
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "root", *options]
    done = subprocess.run(
        [*command, "-untrusted", "issuer", "leaf"], cwd=folder, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def test_a_certificate_of_the_name_is_good_to_openssl_and_to_an_independent_verifier(
    tmp_path: Path, ca: WebCa
) -> None:
    leaf = make_web_certificate(ca, NAME, KEY.public_key(), NOW)
    assert openssl_says(tmp_path, ca, leaf, "-verify_hostname", NAME) == "leaf: OK\n"
    assert "hostname mismatch" in openssl_says(tmp_path, ca, leaf, "-verify_hostname", "x.example").lower()
    verifier = verification.PolicyBuilder().store(verification.Store([ca.root]))
    verifier.build_server_verifier(x509.DNSName(NAME)).verify(leaf, [ca.certificate])


@pytest.mark.parametrize("name", ["other.example", "example", "apps.example.evil.org", "xapps.example"])
def test_its_key_can_speak_for_no_other_name(tmp_path: Path, ca: WebCa, name: str) -> None:
    stolen = make_web_certificate(ca, name, KEY.public_key(), NOW)
    assert "permitted subtree violation" in openssl_says(tmp_path, ca, stolen)


def test_its_key_can_speak_for_no_address(tmp_path: Path, ca: WebCa) -> None:
    instant = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    stolen = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(ca.certificate.subject)
        .public_key(KEY.public_key())
        .serial_number(7)
        .not_valid_before(instant)
        .not_valid_after(instant + datetime.timedelta(days=1))
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(KEY.public_key()), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]), critical=True
        )
        .sign(ca.key, hashes.SHA256())
    )
    assert "excluded subtree violation" in openssl_says(tmp_path, ca, stolen)


def test_it_can_make_no_further_ca(tmp_path: Path, ca: WebCa) -> None:
    below = make_web_ca(NAME, NOW)
    leaf = make_web_certificate(below, NAME, KEY.public_key(), NOW)
    assert "OK" not in openssl_says(tmp_path, ca, leaf)
    assert ca.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_root_and_issuer_are_constrained_critically_and_the_root_key_is_nowhere(ca: WebCa) -> None:
    for certificate in (ca.root, ca.certificate):
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints)
        assert constraints.critical
        assert constraints.value.permitted_subtrees == [x509.DNSName(NAME)]
    assert ca.key.public_key() == ca.certificate.public_key()
    assert ca.key.public_key() != ca.root.public_key()


def test_it_lasts_ninety_days_at_most_and_never_longer_than_the_ca(ca: WebCa) -> None:
    leaf = make_web_certificate(ca, NAME, KEY.public_key(), NOW)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == datetime.timedelta(days=90)
    late = ca.certificate.not_valid_after_utc.timestamp() - 3600
    last = make_web_certificate(ca, NAME, KEY.public_key(), late)
    assert last.not_valid_after_utc == ca.certificate.not_valid_after_utc


def test_a_long_name_fits() -> None:
    name = ".".join(["a" * 63] * 3 + ["b" * 61])
    made = make_web_ca(name, NOW)
    leaf = make_web_certificate(made, name, KEY.public_key(), NOW)
    verifier = verification.PolicyBuilder().store(verification.Store([made.root]))
    verifier.build_server_verifier(x509.DNSName(name)).verify(leaf, [made.certificate])


def csr(*names: x509.GeneralName) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_a_request_tells_key_and_names() -> None:
    key, names = parse_web_csr(csr(x509.DNSName("a.example"), x509.DNSName("b.example")))
    assert (key, names) == (KEY.public_key(), ("a.example", "b.example"))


@pytest.mark.parametrize(
    "request_pem",
    [
        csr(),
        csr(x509.DNSName(NAME), x509.RFC822Name("root@apps.example")),
        csr(x509.UniformResourceIdentifier("https://apps.example")),
        "",
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
    ],
)
def test_any_other_request_is_refused(request_pem: str) -> None:
    with pytest.raises(InvalidInput, match="csr"):
        parse_web_csr(request_pem)
