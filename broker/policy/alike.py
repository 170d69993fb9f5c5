"""Policies worked out once for all who are alike: people in the same groups, with the same application.

Only somebody with a policy of their own is like nobody else. For one look, at one moment: make a new one when anything
has changed.
"""

from __future__ import annotations

from broker.policy.conditions import Values
from broker.repositories.people_index import Person
from broker.repositories.policy_index import PolicyIndex, policy_path
from broker.snapshot import Snapshot
from portcullis.model.application import Application
from portcullis.model.user import User

Key = tuple[frozenset[str] | str, str]


class Alike:
    def __init__(self, snapshot: Snapshot, tenant_id: str) -> None:
        self._snapshot = snapshot
        self._tenant_id = tenant_id
        self._policies = snapshot.index(PolicyIndex)
        self._applications: dict[str, Application | None] = {}
        self._values: dict[Key, Values] = {}
        self._have_own = snapshot.count(tenant_id, "policy", "user") > 0

    def key(self, person: Person, application_id: str) -> Key:
        """The same for all who are alike."""
        if self._have_own and self._snapshot.get(self._tenant_id, policy_path("user", person.id)) is not None:
            return person.id, application_id
        return person.groups, application_id

    def values(self, person: Person, application_id: str) -> Values:
        key = self.key(person, application_id)
        known = self._values.get(key)
        if known is None:
            user = User(person.id, person.name, groups=person.groups)
            application = self.application(application_id)
            known = self._values[key] = self._policies.effective(self._tenant_id, user, application)
        return known

    def groups(self, person: Person) -> frozenset[str]:
        """Groups that contain theirs counted."""
        return self._policies.groups(self._tenant_id, User(person.id, person.name, groups=person.groups))

    def application(self, application_id: str) -> Application | None:
        """None for one that was deleted."""
        if application_id not in self._applications:
            record = self._snapshot.get(self._tenant_id, ("application", application_id))
            self._applications[application_id] = Application.from_json(record.value) if record else None
        return self._applications[application_id]
