"""A probe all the way over https: real broker, gateway and agent under a public name, and the site's own web CA.

Of the worker the picture alone is missing: it answers a proof with one empty frame and takes a click.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from broker.identity.users import new_user
from broker.probes import visit
from broker.probes.result import STAGES, Probe, Result
from portcullis.ids import name_hash, new_id
from portcullis.model.application import Application, Entitlement
from portcullis.protocol import messages as m
from tests.support.revocation_site import Receiver, RevocationSite, revocation_site

NAME = "apps.portcullis.test"

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Answering(Receiver):
    def admitted(self) -> None:
        self.stream.send(m.encode(m.Challenge(1, 1, bytes(32))))

    def received(self, payload: bytes) -> None:
        for message in m.decode(payload):
            if isinstance(message, m.Proof):
                welcome = m.Welcome(1, 1, 0, 800, 500, 3840, 2160, 7, 0)
                self.stream.send(m.encode(welcome, m.Frame(1, 0, 0, ())))
            elif isinstance(message, m.Pointer):
                self.stream.send(m.encode(m.InputAcknowledge(message.sequence)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RevocationSite]:
    asked = socket.getaddrinfo

    def here(host: Any, *rest: Any, **more: Any) -> Any:
        return asked("127.0.0.1" if host in (NAME, "other.test") else host, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", here)
        async with revocation_site(tmp_path_factory.mktemp("site"), name=NAME) as made:
            made.leaders.receiver = Answering
            yield made


@pytest_asyncio.fixture(loop_scope="module")
async def probe(site: RevocationSite) -> Probe:
    """Of an application of its own, by an account for probes."""
    parts = site.brokers[0].parts
    tenant = await parts.stores.tenant(site.tenant)
    user, _ = await parts.probe_accounts.make(site.tenant, new_user(f"probe {new_id()}"), "test")
    entitled = Entitlement(users=frozenset({user.name}))
    application = Application(new_id(), f"Editor {new_id()}", ("editor",), entitlement=entitled)
    result = await parts.stores.commit(
        tenant.put(("application", application.id), application.to_json()),
        tenant.put(("application-name", name_hash(application.name)), {"id": application.id}),
    )
    assert await parts.snapshot.until(result.revision, 5)
    return Probe(application.id, user.id, 86400)


async def made(site: RevocationSite, probe: Probe) -> Result:
    """By the broker itself, within its next round."""
    parts = site.brokers[0].parts
    await parts.snapshot.until(await parts.probes.put(site.tenant, probe, "test"))
    held = parts.snapshot.get("site", ("job", "prober"))
    fence = parts.stores.site.created_at(("job", "prober"), held.create_revision if held else 0)
    await parts.prober.round(fence)
    await site.until(lambda: parts.probes.result(site.tenant, probe.application_id) is not None)
    result = parts.probes.result(site.tenant, probe.application_id)
    assert result is not None
    return result


async def test_it_goes_from_the_password_to_the_echo_under_the_public_name(
    site: RevocationSite, probe: Probe
) -> None:
    parts = site.brokers[0].parts
    assert parts.gateways.serving_origins() == (site.origin,) and site.origin.startswith(f"https://{NAME}:")
    result = await made(site, probe)
    assert (result.state, tuple(result.stages), result.by_password) == ("ok", STAGES, True), result
    assert parts.sessions.of_user(site.tenant, probe.user_id) == []
    await site.until(lambda: parts.snapshot.list(site.tenant, "login") == [])


async def test_a_password_that_is_refused_fails_the_sign_in(site: RevocationSite, probe: Probe) -> None:
    parts = site.brokers[0].parts
    tenant = await parts.stores.tenant(site.tenant)
    record = parts.snapshot.get(site.tenant, ("probe-account", probe.user_id))
    assert record is not None
    wrong = {**record.value, "password": "another"}
    done = await parts.stores.commit(tenant.put(("probe-account", probe.user_id), wrong))
    await parts.snapshot.until(done.revision)
    result = await made(site, probe)
    assert (result.state, result.stage, result.code) == ("failed", "sign_in", "sign_in_refused")
    assert result.stages == {}


async def test_a_certificate_that_a_browser_would_not_trust_fails_the_sign_in(
    site: RevocationSite, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the site's web CA is not the gateway's: the machine's store alone does not know it."""
    monkeypatch.setattr(visit, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr("broker.parts.trust_of", lambda snapshot: ssl.create_default_context())
    result = await made(site, probe)
    assert (result.state, result.stage, result.code) == ("failed", "sign_in", "gateway_unreachable")
    assert "certificate verify failed" in result.detail


async def test_a_certificate_for_another_name_fails_the_sign_in(
    site: RevocationSite, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = site.brokers[0].parts
    other = site.origin.replace(NAME, "other.test")
    monkeypatch.setattr(visit, "ANSWER_SECONDS", 0.5)
    elsewhere = replace(parts.prober._means, urls=lambda: (other,))
    monkeypatch.setattr(parts.prober, "_means", elsewhere)
    result = await made(site, probe)
    assert (result.state, result.stage, result.code) == ("failed", "sign_in", "gateway_unreachable")
    assert "Hostname mismatch" in result.detail
