"""What the rules allow somebody who is, or wants to be, connected to a session: asked at each ticket, redemption and
renewal, and again whenever a rule changes (`broker.revocation.rules`).

Entitlement is by user and group, groups that contain others counted; then come the policy's networks and hours. The
deletion of the application withdraws nothing: its own policy goes with it.
"""

from __future__ import annotations

from collections.abc import Mapping

from broker.policy.conditions import Denial, Values, channels, place_and_time
from broker.repositories.policy_index import PolicyIndex
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.model.application import Application
from portcullis.model.desktops import may_go_on
from portcullis.model.policy import Effective
from portcullis.model.session import Session
from portcullis.model.user import User


class Standing:
    def __init__(self, snapshot: Snapshot, clock: Clock) -> None:
        self._snapshot = snapshot
        self._clock = clock
        self._policies = snapshot.index(PolicyIndex)

    def is_entitled(self, user: User, session: Session) -> bool:
        application = self._application(session)
        if application is None:
            return True
        return application.entitlement.admits(user.name, self._policies.groups(session.tenant_id, user))

    def values(self, user: User, session: Session) -> Values:
        found: Mapping[str, Effective] = self._policies.effective(
            session.tenant_id, user, self._application(session)
        )
        return found

    def denial(self, values: Values, address: str | None) -> Denial | None:
        """Why somebody who is there may not be connected now."""
        return place_and_time(values, address, self._clock.now())

    def allows_desktop(self, values: Values, session: Session) -> bool:
        """Where policies became tighter: whoever was not asked has to be asked by a launch anew."""
        policy, desktop = values["desktops"].value, session.desktop
        return desktop is None or may_go_on(desktop.tightened_view(policy).level, policy)

    def channels(self, user: User, session: Session) -> frozenset[str]:
        """Of a grant that is issued now."""
        return channels(self.values(user, session), session.desktop)

    def _application(self, session: Session) -> Application | None:
        record = self._snapshot.get(session.tenant_id, ("application", session.application_id))
        return Application.from_json(record.value) if record else None
