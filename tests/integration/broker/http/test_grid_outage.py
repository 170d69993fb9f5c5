"""The API while the grid stands still, and when its answers are lost on the way: clear codes, nothing done twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from broker.grid.grid import Compare, GridUnavailable, Operation, TxnResult
from broker.identity import totp
from tests.support.api_site import ApiSite, signed_in
from tests.support.enrolling import enrol


@pytest.fixture
def still(site: ApiSite, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call it to make the grid stand still."""

    async def unavailable(*_: object) -> None:
        raise GridUnavailable("no quorum")

    def stop() -> None:
        for name in ("txn", "get", "range", "lease", "keep_alive"):
            monkeypatch.setattr(site.grid, name, unavailable)

    return stop


async def test_reads_go_on_and_changes_are_refused_with_a_code(site: ApiSite, still: Any) -> None:
    session = await site.launch(site.acme)
    async with signed_in(site, site.acme.ann) as ann, signed_in(site, site.acme.root) as root:
        still()
        assert (await ann.get("/api/v1/login")).json["signed_in"]
        assert len((await ann.get("/api/v1/catalogue")).json["sessions"]) == 1
        assert (await root.get("/api/v1/admin/users")).status == 200
        for answer in (
            await ann.change("POST", "/api/v1/sessions", {"application": site.acme.editor.id}),
            await ann.change("POST", f"/api/v1/sessions/{session.id}/ticket", {}),
            await ann.change("DELETE", f"/api/v1/sessions/{session.id}"),
            await root.change("POST", "/api/v1/admin/users", {"name": "bob"}),
        ):
            assert (answer.status, answer.code) == (503, "unavailable")
        assert (await ann.sign_out()).status == 204
        assert not (await ann.get("/api/v1/login")).json["signed_in"]


async def test_nobody_signs_in_while_nothing_can_be_written(site: ApiSite, still: Any) -> None:
    ann = site.acme.ann
    still()
    async with site.browser() as browser:
        for username, password in (("ann", ann.password), ("ann", "wrong"), ("nobody", "wrong")):
            answer = await browser.sign_in(
                username, password, organisation="acme", totp_secret=ann.totp_secret
            )
            assert (answer.status, answer.code) == (503, "unavailable")
    assert site.services.identity.passwords.verifications == 0


@pytest.fixture
def losing(site: ApiSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every transaction happens; of each, the first answer is lost."""
    txn, seen = site.grid.txn, []

    async def lossy(compares: Sequence[Compare], then: Sequence[Operation]) -> TxnResult:
        result = await txn(compares, then)
        if then not in seen:
            seen.append(then)
            raise GridUnavailable("the answer was lost")
        return result

    monkeypatch.setattr(site.grid, "txn", lossy)


@pytest.mark.usefixtures("losing")
async def test_a_lost_answer_changes_nothing_for_the_user(site: ApiSite) -> None:
    ann, root = site.acme.ann, site.acme.root
    async with site.browser() as browser, site.browser() as administrator:
        for account, page in ((ann, browser), (root, administrator)):
            code = totp.code_at(account.totp_secret, totp.step_at(site.clock.now()))
            answer = await page.sign_in(account.user.name, account.password, code, organisation="acme")
            assert answer.status == 200, answer.body
        made = await administrator.change("POST", "/api/v1/admin/users", {"name": "bob", "groups": ["staff"]})
        person = await enrol(browser, made.json["enrolment"]["link"], site.clock.now())
        assert (made.status, len(person.recovery_codes)) == (201, 10)
        reset = await administrator.change("POST", "/api/v1/admin/users/bob/reset", {})
        assert (reset.status, reset.json["user"]["state"]) == (200, "invited")
        for act in ("disable", "enable"):
            assert (await administrator.change("POST", f"/api/v1/admin/users/bob/{act}", {})).status == 200
        form = {"command": ["x"], "entitled": {}}
        published = await administrator.change("PUT", "/api/v1/admin/applications/Paint", form)
        assert published.json["application"]["name"] == "Paint"
        assert (await browser.sign_out()).status == 204
        assert not (await browser.get("/api/v1/login")).json["signed_in"]
    users = site.services.identity.users.list(ann.tenant.id)
    assert sorted(user.name for user in users) == ["ann", "bob", "root"]
