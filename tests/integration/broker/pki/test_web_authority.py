"""The web certificate of a gateway, from a real broker: for its registered name, and never for more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from broker.pki.web_authority import WebAuthority
from portcullis.ids import name_hash
from portcullis.model.host import Gateway
from tests.support.running_broker import RunningBroker, running_broker

PATH = "/inner/v1/web-certificate"
NAME = "apps.example"
KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    async with running_broker(tmp_path) as site:
        await register(site, f"https://{NAME}:8443")
        yield site


async def register(site: RunningBroker, origin: str) -> Gateway:
    """As if the gateway had enrolled under that origin."""
    path = ("gateway", site.gateway.id)
    record = site.parts.snapshot.get("site", path)
    assert record is not None
    changed = replace(Gateway.from_json(record.value), public_origin=origin)
    stores = site.parts.stores
    result = await stores.commit(stores.site.put(path, changed.to_json()))
    assert await site.parts.snapshot.until(result.revision)
    return changed


def csr(*names: str) -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    request = builder.add_extension(alternatives, critical=True).sign(KEY, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


async def test_a_gateway_gets_a_certificate_for_its_registered_name(site: RunningBroker) -> None:
    status, answer = await site.call("POST", PATH, {"csr": csr(NAME)})
    assert status == 200
    leaf, issuer = x509.load_pem_x509_certificates(answer["certificate"].encode())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NAME]
    assert leaf.public_key() == KEY.public_key()
    leaf.verify_directly_issued_by(issuer)
    issuer.verify_directly_issued_by(x509.load_pem_x509_certificate(answer["ca"].encode()))


@pytest.mark.parametrize("names", [["evil.example"], [NAME, "evil.example"], [f"x.{NAME}"], [f"*.{NAME}"]])
async def test_a_request_for_more_than_the_record_says_is_refused(
    site: RunningBroker, names: list[str]
) -> None:
    status, answer = await site.call("POST", PATH, {"csr": csr(*names)})
    assert (status, answer["error"]["code"]) == (401, "certificate_refused")


@pytest.mark.parametrize("caller", ["host", "stranger"])
async def test_nobody_but_a_gateway_gets_one(site: RunningBroker, caller: str) -> None:
    status, answer = await site.call("POST", PATH, {"csr": csr(NAME)}, as_=caller)
    assert (status, answer["error"]["code"]) == (401, "certificate_refused")


@pytest.mark.parametrize("origin", ["http://localhost:8080", "https://192.0.2.1", "https://[::1]:8443"])
async def test_a_gateway_without_https_and_a_name_gets_none(site: RunningBroker, origin: str) -> None:
    await register(site, origin)
    status, answer = await site.call("POST", PATH, {"csr": csr("localhost")})
    assert (status, answer["error"]["code"]) == (401, "certificate_refused")


@pytest.mark.parametrize("body", [{}, {"csr": 1}, {"csr": "x"}, {"csr": "\u00e4"}, {"csr": "x" * 20000}])
async def test_nonsense_is_refused_by_field(site: RunningBroker, body: Any) -> None:
    status, answer = await site.call("POST", PATH, body)
    assert (status, answer["error"]["field"]) == (422, "csr")


async def test_a_name_has_one_ca_and_another_name_has_another(site: RunningBroker) -> None:
    async def ca(name: str) -> str:
        status, answer = await site.call("POST", PATH, {"csr": csr(name)})
        assert status == 200
        return str(answer["ca"])

    first, again = await asyncio.gather(ca(NAME), ca(NAME))
    assert first == again == await ca(NAME)
    await register(site, "https://other.example")
    assert await ca("other.example") != first
    await register(site, f"https://{NAME}")
    assert await ca(NAME) == first


async def test_the_ca_lies_sealed_in_the_grid(site: RunningBroker) -> None:
    await site.call("POST", PATH, {"csr": csr(NAME)})
    item = await site.parts.stores.grid.get(f"/p/v1/site/key/web-ca/{name_hash(NAME)}")
    assert item is not None
    assert b"PRIVATE" not in item.value and NAME.encode() not in item.value


async def test_a_ca_that_ends_within_the_life_of_a_certificate_is_replaced(site: RunningBroker) -> None:
    gateway = await register(site, f"https://{NAME}")
    stores = site.parts.stores
    authority = WebAuthority(stores, site.parts.snapshot)
    first = await authority.issue(gateway, {"csr": csr(NAME)})

    class Later:
        def now(self) -> float:
            return x509.load_pem_x509_certificate(first["ca"].encode()).not_valid_after_utc.timestamp() - 3600

    stores.clock = Later()  # type: ignore[assignment]
    second = await authority.issue(gateway, {"csr": csr(NAME)})
    assert second["ca"] != first["ca"]


async def test_a_revoked_gateway_gets_none(site: RunningBroker) -> None:
    gateway = await register(site, f"https://{NAME}")
    stores = site.parts.stores
    path = ("gateway", gateway.id)
    result = await stores.commit(stores.site.put(path, replace(gateway, revoked=True).to_json()))
    assert await site.parts.snapshot.until(result.revision)
    status, answer = await site.call("POST", PATH, {"csr": csr(NAME)})
    assert (status, answer["error"]["code"]) == (401, "certificate_refused")
