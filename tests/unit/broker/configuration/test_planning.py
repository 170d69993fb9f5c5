from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.configuration.checks import Powers
from broker.configuration.documents import documents_of
from broker.configuration.objects import DEFAULTS, Held, HostFact, State, state_of
from broker.configuration.planning import Plan, Unfit, plan
from broker.configuration.wanted import Request
from portcullis.errors import Refused
from portcullis.model.roles import BUILT_IN_ROLES, PERMISSIONS

ALL = Powers(frozenset(PERMISSIONS))
ROOT = Held("user", "root", {"role": "administrator", "groups": [], "disabled": False}, id="r", enrolled=True)
ANN = Held("user", "Ann", {"role": "user", "groups": ["staff"], "disabled": False}, id="a", enrolled=True)
EDITOR = Held(
    "application",
    "Editor",
    {**DEFAULTS["application"], "command": ["ed"], "entitled": {"users": [], "groups": ["staff"]}},
    {"owner": "x"},
    revision=5,
    id="e",
)
HOSTS = (
    HostFact("h1", "1", frozenset({"gpu"}), 4, False, 7),
    HostFact("h2", "2", frozenset(), 4, False, 7),
    HostFact("shared", "3", frozenset(), 4, True, 7),
)
SITE = state_of(9, [ROOT, ANN, EDITOR, Held("host-group", "gpu", {"hosts": ["h1"]})], HOSTS)
PAINT = {"kind": "application", "name": "Paint", "command": ["gimp"], "entitled": {"users": ["ANN"]}}


def planned(*documents: dict[str, Any], state: State = SITE, powers: Powers = ALL, **more: Any) -> Plan:
    return plan(state, Request(documents, **more), powers)


def changes(*documents: dict[str, Any], **more: Any) -> list[tuple[str, str, str]]:
    return [(change.action, change.kind, change.name) for change in planned(*documents, **more).changes]


def findings(*documents: dict[str, Any], **more: Any) -> list[str]:
    with pytest.raises(Unfit) as unfit:
        planned(*documents, **more)
    return [f"{finding.place}: {finding.expected}" for finding in unfit.value.findings]


def access(made: Plan) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    told = made.access.to_json()
    gained, lost = (
        {(pair["user"], pair["application"]) for pair in told[name]} for name in ("gained", "lost")
    )
    assert (told["gained_count"], told["lost_count"]) == (len(gained), len(lost))
    return gained, lost


def test_what_is_named_is_written_before_what_names_it_and_deletes_come_last() -> None:
    assert changes(
        {"kind": "policy", "level": "application", "of": "paint", "values": {"clipboard": "none"}},
        PAINT,
        {"kind": "user", "name": "root", "groups": ["g"]},
        deletes=[("application", "editor")],
    ) == [
        ("change", "user", "root"),
        ("create", "application", "Paint"),
        ("create", "policy", "application/Paint"),
        ("delete", "application", "Editor"),
    ]


def test_users_are_found_whatever_case_was_written_and_stand_by_their_own_name() -> None:
    (paint,) = planned(PAINT).changes
    assert paint.after is not None and paint.after.fields["entitled"]["users"] == ["Ann"]


def test_a_document_goes_back_to_defaults_but_keeps_what_is_kept() -> None:
    state = SITE.with_objects(
        {
            ("user", "ann"): replace(ANN, fields={**ANN.fields, "disabled": True}),
            ("application", "editor"): replace(
                EDITOR, fields={**EDITOR.fields, "icon": "i", "disabled": True}
            ),
        }
    )
    made = planned(
        {"kind": "user", "name": "ANN", "groups": ["other"]},
        {"kind": "application", "name": "Editor", "command": ["ed"]},
        state=state,
    )
    user, application = (change.after for change in made.changes)
    assert user is not None and user.fields == {"role": "user", "groups": ["other"], "disabled": True}
    assert application is not None and application.labels == {"owner": "x"}
    assert (application.fields["icon"], application.fields["disabled"]) == ("i", False)


def test_pruning_takes_what_carries_the_label_and_is_in_no_document() -> None:
    owned = {"owner": "x"}
    assert changes(prune=owned) == [("delete", "application", "Editor")]
    assert changes({"kind": "application", "name": "editor", "command": ["ed"]}, prune={"owner": "y"})
    kept = {"kind": "application", "name": "Editor", "command": ["ed"], "entitled": {"groups": ["staff"]}}
    assert changes(kept, prune=owned) == []


def test_access_follows_groups_users_and_applications() -> None:
    made = planned(
        PAINT,
        {"kind": "group", "name": "staff", "members": {"groups": ["interns"]}},
        {"kind": "user", "name": "bob", "groups": ["interns"]},
    )
    assert access(made) == ({("Ann", "Paint"), ("bob", "Editor")}, set())
    assert access(planned({"kind": "user", "name": "ann", "disabled": True})) == (set(), {("Ann", "Editor")})
    assert access(planned(deletes=[("application", "Editor")])) == (set(), {("Ann", "Editor")})


def test_an_entitlement_adds_to_what_the_application_says_and_takes_no_more_away() -> None:
    given = {"kind": "entitlement", "application": "editor", "users": ["root"], "groups": ["staff", "new"]}
    first = planned(given)
    assert [(change.kind, change.name) for change in first.changes] == [
        ("application", "Editor"),
        ("entitlement", "editor"),
    ]
    assert first.after.find("application", "editor").fields["entitled"] == {  # type: ignore[union-attr]
        "users": ["root"],
        "groups": ["new", "staff"],
    }
    assert planned(given, state=first.after).changes == ()
    own = {"kind": "application", "name": "Editor", "command": ["ed"], "entitled": {"groups": ["staff"]}}
    assert planned(own, state=first.after).changes == ()
    gone = planned(state=first.after, deletes=[("entitlement", "editor")])
    assert gone.after.find("application", "editor").fields["entitled"] == {  # type: ignore[union-attr]
        "users": [],
        "groups": ["staff"],
    }


def test_policies_and_entitlements_go_with_what_they_are_about() -> None:
    state = planned(
        {"kind": "policy", "level": "application", "of": "Editor", "values": {"clipboard": "none"}},
        {"kind": "policy", "level": "user", "of": "Ann", "values": {"clipboard": "none"}},
        {"kind": "entitlement", "application": "Editor", "users": ["root"]},
    ).after
    assert changes(state=state, deletes=[("application", "editor"), ("user", "ann")]) == [
        ("delete", "policy", "application/Editor"),
        ("delete", "policy", "user/Ann"),
        ("delete", "entitlement", "Editor"),
        ("delete", "application", "Editor"),
        ("delete", "user", "Ann"),
    ]


def test_a_group_that_goes_takes_its_policy_and_its_place_in_others_along() -> None:
    state = planned(
        {"kind": "group", "name": "inner"},
        {"kind": "group", "name": "outer", "members": {"groups": ["inner", "staff"]}},
        {"kind": "policy", "level": "group", "of": "inner", "values": {"clipboard": "none"}},
    ).after
    made = planned(state=state, deletes=[("group", "inner")])
    assert [(change.action, change.name) for change in made.changes] == [
        ("change", "outer"),
        ("delete", "group/inner"),
        ("delete", "inner"),
    ]
    assert made.after.of("group")["outer"].fields["members"] == {"groups": ["staff"]}


def test_hosts_come_and_go_with_their_group() -> None:
    (change,) = planned({"kind": "host-group", "name": "gpu", "hosts": ["h2"]}).changes
    assert [field.to_json() for field in change.fields] == [{"field": "hosts", "from": ["h1"], "to": ["h2"]}]
    assert changes({"kind": "host-group", "name": "gpu", "hosts": []}) == [("delete", "host-group", "gpu")]


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ([PAINT, PAINT | {"name": "PAINT"}], ["documents[1].name: one that no document before has"]),
        (
            [PAINT | {"entitled": {"users": ["ann", "eve"]}}],
            ["documents[0].entitled.users[1]: the name of a user"],
        ),
        (
            [{"kind": "entitlement", "application": "Chess"}],
            ["documents[0].application: the name of an application"],
        ),
        (
            [{"kind": "policy", "level": "user", "of": "eve", "locked": ["hours"]}],
            ["documents[0].of: the name of a"],
        ),
        (
            [{"kind": "host-group", "name": "g", "hosts": ["h9"]}],
            ["documents[0].hosts[0]: the name of a host"],
        ),
        ([{"kind": "user", "name": "eve", "role": "chief"}], ["documents[0].role: user, administrator"]),
        ([{"kind": "role", "name": "user", "permissions": []}], ["documents[0].name: another name than"]),
        (
            [
                {"kind": "group", "name": "a", "members": {"groups": ["b"]}},
                {"kind": "group", "name": "b", "members": {"groups": ["c"]}},
                {"kind": "group", "name": "c", "members": {"groups": ["a"]}},
            ],
            [f"documents[{n}].members.groups: groups that do not contain each other" for n in range(3)],
        ),
        (
            [{"kind": "group", "name": "a", "members": {"groups": ["a"]}}],
            ["documents[0].members.groups: groups that"],
        ),
    ],
)
def test_what_does_not_fit_is_named_with_its_document(
    documents: list[dict[str, Any]], expected: list[str]
) -> None:
    found = findings(*documents)
    assert len(found) == len(expected)
    assert all(each.startswith(start) for each, start in zip(found, expected, strict=True)), found


def test_somebody_who_is_gone_may_stay_where_they_are_named_and_is_named_nowhere_new() -> None:
    fields = {**EDITOR.fields, "entitled": {"users": ["gone"], "groups": []}}
    state = SITE.with_objects({("application", "editor"): replace(EDITOR, fields=fields)})
    exported = [document for document in documents_of(state) if document["kind"] == "application"]
    assert planned(*({**each, "icon": None} for each in exported), state=state).changes == ()
    assert findings(PAINT | {"entitled": {"users": ["gone"]}}, state=state)


def test_a_delete_of_what_is_not_there_is_named() -> None:
    assert findings(deletes=[("application", "Chess")]) == [
        "delete[0].name: the name of an existing application"
    ]


def test_the_last_administrator_stays() -> None:
    for document in ({"disabled": True}, {"role": "user"}):
        with pytest.raises(Refused) as refused:
            planned({"kind": "user", "name": "root", **document})
        assert refused.value.code == "last_administrator"
    with pytest.raises(Refused):
        planned(deletes=[("user", "root")])
    ann = {"kind": "user", "name": "Ann", "role": "administrator"}
    assert len(planned(ann, {"kind": "user", "name": "root", "disabled": True}).changes) == 2


def test_the_last_platform_administrator_stays_unless_others_are_elsewhere() -> None:
    platform = replace(ROOT, is_platform=True)
    administrator = replace(ANN, fields={**ANN.fields, "role": "administrator"})
    state = SITE.with_objects({("user", "root"): platform, ("user", "ann"): administrator})
    document = {"kind": "user", "name": "root", "disabled": True}
    with pytest.raises(Refused) as refused:
        planned(document, state=state)
    assert refused.value.code == "last_platform_administrator"
    assert planned(document, state=state, powers=replace(ALL, others_run_platform=True)).changes


def test_nobody_gives_or_takes_over_more_than_they_hold() -> None:
    some = Powers(frozenset({"users.write", "roles.write", "users.read"}))
    with pytest.raises(Refused) as refused:
        planned(PAINT, powers=some)
    assert refused.value.code == "not_permitted"
    with pytest.raises(Refused):
        planned({"kind": "user", "name": "root", "groups": ["x"]}, powers=some)
    assert findings({"kind": "user", "name": "eve", "role": "auditor"}, powers=some) == [
        "documents[0].role: a role that may do no more than you"
    ]
    assert findings(
        {"kind": "role", "name": "r", "permissions": ["users.read", "simulate"]}, powers=some
    ) == ["documents[0].permissions: permissions that you have (simulate: you have not)"]
    assert planned({"kind": "user", "name": "eve", "role": "user"}, powers=some).changes


def test_hosts_that_others_use_are_the_platforms() -> None:
    own = Powers(BUILT_IN_ROLES["administrator"])
    document = {"kind": "host-group", "name": "g", "hosts": ["h2", "shared"]}
    assert findings(document, powers=own) == [
        "documents[0].hosts: hosts that no other tenant uses (shared is shared)"
    ]
    assert planned(document).changes


def test_quotas_are_the_platforms() -> None:
    tenant = Held("tenant", "own settings", DEFAULTS["tenant"], id="t")
    state = SITE.with_objects({("tenant", "own settings"): tenant})
    own = Powers(BUILT_IN_ROLES["administrator"])
    assert planned({"kind": "tenant", "title": "Acme"}, state=state, powers=own).changes
    asked = {"kind": "tenant", "quotas": {"sessions": 5}}
    assert findings(asked, state=state, powers=own) == [
        "documents[0].quotas: the quotas that the platform administrator set"
    ]


NAMES = st.sampled_from(["a", "b", "c", "d"])
GROUPS = st.lists(st.sampled_from(["g1", "g2", "g3"]), max_size=2, unique=True)
DOCUMENTS = st.lists(
    st.one_of(
        st.builds(
            lambda name, groups, off: {"kind": "user", "name": name, "groups": groups, "disabled": off},
            *(NAMES, GROUPS, st.booleans()),
        ),
        st.builds(
            lambda name, groups, off, labels: {
                **{"kind": "application", "name": name, "command": ["x"], "disabled": off, "labels": labels},
                "entitled": {"groups": groups},
            },
            *(NAMES, GROUPS, st.booleans(), st.sampled_from([{}, {"owner": "x"}])),
        ),
        st.builds(
            lambda level, of, value: {"kind": "policy", "level": level, "of": of, "values": value},
            *(st.just("group"), st.sampled_from(["g1", "g2"])),
            st.sampled_from([{}, {"idle_minutes": 5}, {"networks": []}]),
        ),
        st.builds(
            lambda name, hosts: {"kind": "host-group", "name": name, "hosts": hosts},
            *(st.sampled_from(["gpu", "big"]), st.lists(st.sampled_from(["h1", "h2"]), max_size=2)),
        ),
    ),
    max_size=6,
    unique_by=lambda document: (document["kind"], document.get("name") or document["of"]),
)


@given(DOCUMENTS, DOCUMENTS)
def test_a_second_apply_and_an_applied_export_change_nothing(
    first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    before = planned(*first).after
    made = planned(*second, state=before)
    assert planned(*second, state=made.after).changes == ()
    exported = [
        {**document, "icon": None} if document["kind"] == "application" else document
        for document in documents_of(made.after)
    ]
    assert planned(*exported, state=made.after).changes == ()
    assert planned(*exported, state=SITE).after.of("policy") == made.after.of("policy")


@given(DOCUMENTS, DOCUMENTS)
def test_access_is_what_a_look_at_everybody_finds(
    first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    before = planned(*first).after
    made = planned(*second, state=before)
    had, has = _everybody(before), _everybody(made.after)
    assert access(made) == (has - had, had - has)


def _everybody(state: State) -> set[tuple[str, str]]:
    return {
        (user.name, application.name)
        for user in state.of("user").values()
        for application in state.of("application").values()
        if not user.fields["disabled"] and not application.fields["disabled"]
        if user.name in application.fields["entitled"]["users"]
        or set(user.fields["groups"]) & set(application.fields["entitled"]["groups"])
    }


def test_who_only_plans_needs_to_read_what_would_change_and_no_more() -> None:
    """A proposal is checked by a token that changes nothing."""
    lifted = replace(ALL, reads=frozenset({"applications.read"}))
    assert [change.name for change in planned(PAINT, powers=lifted).changes] == ["Paint"]
    with pytest.raises(Refused, match=r"applications\.read"):
        planned(PAINT, powers=replace(ALL, reads=frozenset({"users.read"})))
