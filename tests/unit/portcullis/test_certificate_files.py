"""A given certificate is judged before anything trusts it to work."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from portcullis import certificate_files
from portcullis.certificate_files import CertificateFiles, is_publicly_trusted, matches, read
from portcullis.errors import Refused
from tests.support.certificates import DAY, PublicCa

NAME = "apps.example.com"
CA = PublicCa()
NOW = time.time()


def refusal(files: CertificateFiles, name: str = NAME) -> str:
    with pytest.raises(Refused) as raised:
        read(files, name, NOW)
    assert raised.value.code == "tls_refused"
    return raised.value.message


def test_a_good_pair_is_read(tmp_path: Path) -> None:
    files = CA.issue(NAME).write(tmp_path, CA.certificate)
    pair = read(files, NAME, NOW)
    assert [certificate.subject for certificate in pair.chain][1] == CA.certificate.subject
    assert pair.warnings == ()
    assert b"PRIVATE" not in pair.chain_pem
    assert "PRIVATE" not in repr(pair)


def test_key_and_chain_may_lie_in_one_file(tmp_path: Path) -> None:
    issued = CA.issue(NAME)
    path = tmp_path / "both.pem"
    path.write_bytes(
        issued.key_pem() + issued.pem + CA.certificate.public_bytes(certificate_files.Encoding.PEM)
    )
    assert len(read(CertificateFiles(path, path), NAME, NOW).chain) == 2


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    files = CA.issue(NAME).write(tmp_path)
    files.key.write_bytes(CA.issue(NAME).key_pem())
    assert "is not the key of" in refusal(files)


def test_a_chain_in_the_wrong_order_is_refused(tmp_path: Path) -> None:
    issued = CA.issue(NAME)
    files = issued.write(tmp_path)
    root = CA.certificate.public_bytes(certificate_files.Encoding.PEM)
    files.certificate.write_bytes(root + issued.pem)
    assert "first certificate" in refusal(files)


def test_an_expired_one_is_refused_with_its_date(tmp_path: Path) -> None:
    files = CA.issue(NAME, from_seconds=-9 * DAY, to_seconds=-DAY).write(tmp_path)
    assert "has expired on 2" in refusal(files)


def test_one_of_the_future_is_refused(tmp_path: Path) -> None:
    files = CA.issue(NAME, from_seconds=DAY).write(tmp_path)
    assert "is not valid before" in refusal(files)


def test_one_of_another_name_is_refused_with_its_names(tmp_path: Path) -> None:
    files = CA.issue("www.example.com", "*.other.example").write(tmp_path)
    assert "is for www.example.com, *.other.example, not for apps.example.com" in refusal(files)


def test_one_without_names_is_refused(tmp_path: Path) -> None:
    assert "is for no DNS name" in refusal(CA.issue().write(tmp_path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    files = CA.issue(NAME).write(tmp_path)
    files.key.unlink()
    assert refusal(files).startswith(f"{files.key} cannot be read: No such file")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\0" * 100, b"-----BEGIN CERTIFICATE-----\nAA\n"])
def test_what_is_no_pem_is_refused_by_file(tmp_path: Path, content: bytes) -> None:
    files = CA.issue(NAME).write(tmp_path)
    good = files.certificate.read_bytes()
    files.certificate.write_bytes(content)
    assert f"{files.certificate} is not a certificate" in refusal(files)
    files.certificate.write_bytes(good)
    files.key.write_bytes(content)
    assert f"{files.key} is not a private key" in refusal(files)


def test_a_key_with_a_pass_phrase_is_refused(tmp_path: Path) -> None:
    issued = CA.issue(NAME)
    files = issued.write(tmp_path)
    files.key.write_bytes(issued.key_pem(b"secret"))
    assert "pass phrase" in refusal(files)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    files = CA.issue(NAME).write(tmp_path)
    files.certificate.write_bytes(b"x" * (certificate_files.MAXIMUM_BYTES + 1))
    assert "too large" in refusal(files)


def test_a_key_that_everybody_may_read_is_warned_of(tmp_path: Path) -> None:
    files = CA.issue(NAME).write(tmp_path, key_mode=0o644)
    (warning,) = read(files, NAME, NOW).warnings
    assert "every account" in warning


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("apps.example.com", "apps.example.com", True),
        ("Apps.Example.COM", "apps.example.com", True),
        ("*.example.com", "apps.example.com", True),
        ("*.example.com", "a.apps.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.com", "example.com", False),
        ("a*.example.com", "apps.example.com", False),
        ("*", "localhost", False),
    ],
)
def test_a_star_stands_for_one_label(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) is fits


def test_public_trust_is_what_the_systems_store_says(tmp_path: Path) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_bytes(CA.certificate.public_bytes(certificate_files.Encoding.PEM))
    chain = [CA.issue(NAME).certificate]
    assert is_publicly_trusted(chain, NAME, NOW, roots)
    assert not is_publicly_trusted(chain, "other.example", NOW, roots)
    assert not is_publicly_trusted(chain, NAME, NOW)
    assert not is_publicly_trusted(chain, NAME, NOW, tmp_path / "missing")
