"""People who are connected to an existing desktop follow its policy: live, at tickets and in grants."""

import pytest

from broker.grid.scopes import Record
from broker.policy.conditions import channels
from broker.repositories.people_index import PeopleIndex
from broker.repositories.policies import policy_path
from broker.repositories.session_facts import SessionFactsIndex
from broker.revocation.judging import KEPT_AWAY, Bench
from broker.sessions.standing import Standing
from broker.snapshot import Snapshot
from portcullis.clock import SystemClock
from portcullis.model.application import Application, Entitlement
from portcullis.model.desktops import DesktopTarget
from portcullis.model.policy import Policy
from portcullis.model.session import Display, Session
from portcullis.model.user import User

TENANT, HOST = "a" * 16, "b" * 16
USER = User("c" * 16, "ann")
ASKED, UNASKED = DesktopTarget(), DesktopTarget(consent="none")
VIEWED = DesktopTarget(view_only=True)


class Site:
    """With a policy of the application, and somebody who is connected."""

    def __init__(self, policy, desktop):
        application = Application(
            "d" * 16, "Desk", (), entitlement=Entitlement(frozenset({"ann"})), desktop=desktop
        )
        head = ("e" * 16, TENANT, USER.id, "ann", application.id, "Desk", (), {})
        self.session = Session(
            *head, HOST, "h1", 0, Display(), "R", 1.0, "active", "ready", 1, desktop=desktop
        )
        self.snapshot = Snapshot(None)
        self.put("site", ("tenant", TENANT), {"id": TENANT})
        self.facts, _ = self.snapshot.index(SessionFactsIndex), self.snapshot.index(PeopleIndex)
        self.put(TENANT, ("user", USER.id), USER.to_json())
        self.put(TENANT, ("application", application.id), application.to_json())
        self.put(TENANT, policy_path("application", application.id), Policy({"desktops": policy}).to_json())
        self.put(TENANT, ("session", self.session.id), self.session.to_json())

    def put(self, scope, path, value):
        revision = self.snapshot.revision + 1
        record = Record.of(scope, path, value, revision, revision)
        self.snapshot._advance(revision, [self.snapshot._hold((scope, path), revision, record)])


@pytest.mark.parametrize(
    ("desktop", "policy", "stays", "may_return"),
    [
        (ASKED, "document", True, True),
        (ASKED, "ask", True, True),
        (ASKED, "view", False, True),  # at once, without the channels that write
        (ASKED, "none", False, False),
        (VIEWED, "view", True, True),
        (VIEWED, "none", False, False),
        (UNASKED, "document", True, True),
        (UNASKED, "ask", False, False),  # not before they were asked
        (UNASKED, "view", False, False),
    ],
)
def test_a_policy_that_becomes_tighter_counts_for_who_is_connected(desktop, policy, stays, may_return):
    site = Site(policy, desktop)
    facts = site.facts.all(TENANT)[site.session.id]
    verdict = Bench(site.snapshot, TENANT, 0.0).verdict(facts, "")
    assert verdict is None if stays else verdict.code == KEPT_AWAY
    standing = Standing(site.snapshot, SystemClock())
    values = standing.values(USER, site.session)
    assert standing.allows_desktop(values, site.session) == may_return
    if may_return:
        again = site.session.desktop.tightened_view(policy)
        assert ("input" in channels(values, again)) == (not again.view_only)
        after = Site(
            policy, again
        )  # the record as it is after the new ticket: nobody is cut off again and again
        assert Bench(after.snapshot, TENANT, 0.0).verdict(after.facts.all(TENANT)["e" * 16], "") is None
