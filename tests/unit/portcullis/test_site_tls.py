"""Reading who a peer is from its certificate."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.site_tls import MachineIdentity, parse_uri, peer_identity

SITE, ID = "0123456789abcdef", "fedcba9876543210"
URI = f"portcullis://{SITE}/host/{ID}"


def certificate(*uris: str, subject: Any = ()) -> dict[str, Any]:
    return {"subjectAltName": tuple(("URI", uri) for uri in uris), "subject": subject}


@pytest.mark.parametrize("role", ["host", "gateway", "broker"])
def test_a_uri_leads_to_its_machine_and_back(role: Any) -> None:
    machine = MachineIdentity(SITE, role, ID)
    assert parse_uri(machine.uri) == machine


def test_name_and_generation_stand_in_the_subject() -> None:
    subject = ((("commonName", "h1"),), (("serialNumber", "7"),))
    assert peer_identity(certificate(URI, subject=subject)) == MachineIdentity(SITE, "host", ID, "h1", 7)


@pytest.mark.parametrize("generation", ["", "x", "-1", "1.0", "٣", " 1"])
def test_a_generation_that_is_no_number_is_the_oldest(generation: str) -> None:
    identity = peer_identity(certificate(URI, subject=((("serialNumber", generation),),)))
    assert identity is not None
    assert identity.generation == 0


@pytest.mark.parametrize(
    "given_certificate",
    [
        None,
        {},
        certificate(),
        certificate(URI, URI),
        certificate(URI, "https://a.example"),
        {"subjectAltName": (("DNS", URI),)},
        certificate("https://a.example"),
    ],
)
def test_nobody_is_nobody(given_certificate: Any) -> None:
    assert peer_identity(given_certificate) is None


@pytest.mark.parametrize(
    "uri",
    [
        "",
        URI + "/",
        URI + "\n",
        URI + "0",
        URI.replace("host", "worker"),
        URI.replace("host", "HOST"),
        URI.upper(),
        "http" + URI.removeprefix("portcullis"),
        f"portcullis://{SITE}/host/{ID}?x",
        f"portcullis://user@{SITE}/host/{ID}",
        f" {URI}",
    ],
)
def test_only_the_exact_form_counts(uri: str) -> None:
    assert parse_uri(uri) is None


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    identity = parse_uri(text)
    assert identity is None or identity.uri == text
