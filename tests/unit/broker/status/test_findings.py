"""What is wrong with a site is said once, worst first, each with what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.grid.grid import Member
from broker.pki.change import KeyChange, Progress
from broker.probes.result import Failing, ProbesOfTenant
from broker.status.findings import LAG_SECONDS, MEMBER_LAG, findings
from broker.status.picture import BrokerStatus, GatewayStatus, HostStatus, Picture, to_json


def member(name: str, **said: object) -> Member:
    whole: dict[str, object] = {
        "name": name,
        "endpoint": f"{name}:2379",
        "version": "3.6.1",
        "is_leader": name == "m1",
        "healthy": True,
        "raft_index": 5000,
        "raft_term": 2,
        "database_bytes": 1 << 20,
        "quota_bytes": 0,
        "alarms": (),
        "trouble": "",
        **said,
    }
    if not whole["healthy"] and "version" not in said:
        whole["version"] = ""  # it does not answer
    fields = Member.__dataclass_fields__
    return Member(**{name: value for name, value in whole.items() if name in fields})  # type: ignore[arg-type]


WELL = Picture(
    site="lab",
    version="1.0",
    time=1_763_676_000.0,
    revision=100,
    degraded=False,
    store="etcd",
    members=(member("m1"), member("m2"), member("m3")),
    brokers=(
        BrokerStatus("b1", "b1:8444", "1.0", "serving", hosts=1),
        BrokerStatus("b2", "b2:8444", "1.0", "serving"),
    ),
    gateways=(GatewayStatus("g1", "https://g1", "online", 3, 0.1),),
    hosts=(HostStatus("h1", "online", "b1", "1.0", 8, 3, 0.2, 1 << 30),),
)


def codes(picture: Picture) -> list[tuple[str, str]]:
    return [(finding.severity, finding.code) for finding in findings(picture)]


def test_a_site_that_is_well_has_no_findings() -> None:
    assert findings(WELL) == []


def test_a_member_that_is_down_is_an_error_that_says_what_the_next_one_costs() -> None:
    picture = replace(WELL, members=(member("m1"), member("m2", healthy=False), member("m3")))
    (finding,) = findings(picture)
    assert (finding.severity, finding.code) == ("error", "grid_member_down")
    assert "m2" in finding.what and "next one" in finding.what
    assert finding.remedy.startswith("Start it again")


def test_a_lost_quorum_comes_first_and_says_how_many_are_needed() -> None:
    down = (member("m1", healthy=False), member("m2", healthy=False), member("m3"))
    found = findings(replace(WELL, members=down, degraded=True))
    assert [finding.code for finding in found] == ["grid_quorum_lost", "grid_member_down", "grid_member_down"]
    assert "1 of 3" in found[0].what and "2 are needed" in found[0].what


def test_a_member_that_answers_without_a_leader_is_not_called_down() -> None:
    left = (
        member("m1", healthy=False),
        member("m2", healthy=False),
        member("m3", healthy=False, version="3.6.1"),
    )
    found = findings(replace(WELL, members=left, degraded=True))
    assert [finding.code for finding in found] == ["grid_quorum_lost", "grid_member_down", "grid_member_down"]
    assert "1 of 3" in found[0].what


def test_an_embedded_grid_that_takes_nothing_is_degraded_without_talk_of_a_quorum() -> None:
    picture = replace(WELL, store="embedded", members=(member("m1"),), degraded=True)
    assert codes(picture) == [("error", "grid_degraded")]


@pytest.mark.parametrize(("alarm", "code"), [("NOSPACE", "grid_full"), ("CORRUPT", "grid_corrupt")])
def test_alarms_name_their_members(alarm: str, code: str) -> None:
    picture = replace(WELL, members=(member("m1"), member("m2", alarms=(alarm,)), member("m3")))
    (finding,) = findings(picture)
    assert (finding.severity, finding.code) == ("error", code) and "m2" in finding.what


def test_a_database_that_fills_its_quota_is_a_warning_before_it_is_full() -> None:
    def filled(share: float, quota: int) -> Picture:
        most = member("m2", database_bytes=int(share * (quota or 2 * 1024**3)) + 1, quota_bytes=quota)
        return replace(WELL, members=(member("m1"), most, member("m3")))

    (finding,) = findings(filled(0.6, 4 * 1024**3))
    assert (finding.severity, finding.code) == ("warning", "grid_filling")
    assert finding.what == "the database of m2 takes 60% of 4.0 GiB"
    (finding,) = findings(filled(0.7, 0))
    assert "70% of 2.0 GiB" in finding.what and "does not tell" in finding.what
    assert findings(filled(0.59, 4 * 1024**3)) == findings(filled(0.59, 0)) == []
    assert findings(replace(filled(0.9, 0), store="embedded")) == []
    full = filled(1.0, 4 * 1024**3)
    told = tuple(replace(each, alarms=("NOSPACE",)) for each in full.members)
    assert codes(replace(full, members=told)) == [("error", "grid_full")]


def test_a_member_that_lags_or_complains_is_a_warning() -> None:
    late = member("m2", raft_index=5000 - MEMBER_LAG - 1)
    picture = replace(
        WELL, members=(member("m1"), late, member("m3", trouble="version 3.4 is out of support"))
    )
    assert codes(picture) == [("warning", "grid_member_lags"), ("warning", "grid_member_trouble")]
    on_time = member("m2", raft_index=5000 - MEMBER_LAG)
    assert findings(replace(WELL, members=(member("m1"), on_time, member("m3")))) == []


def test_brokers_that_died_or_do_not_answer_are_errors() -> None:
    b1, b2 = WELL.brokers
    assert codes(replace(WELL, brokers=(b1, replace(b2, state="gone")))) == [("error", "broker_gone")]
    (finding,) = findings(replace(WELL, brokers=(b1, replace(b2, state="silent"))))
    assert finding.code == "broker_silent" and "one serves" in finding.what


def test_a_broker_behind_the_grid_is_a_warning_once_it_lasts() -> None:
    b1, b2 = WELL.brokers
    behind = replace(b2, lag_revisions=40, lag_seconds=LAG_SECONDS + 1)
    assert codes(replace(WELL, brokers=(b1, behind))) == [("warning", "broker_lags")]
    assert findings(replace(WELL, brokers=(b1, replace(b2, lag_revisions=40, lag_seconds=1.0)))) == []


def test_a_broker_that_cannot_record_what_happens_is_an_error() -> None:
    b1, b2 = WELL.brokers
    full, damaged = replace(b1, audit="audit_unavailable"), replace(b2, audit="audit_damaged")
    found = codes(replace(WELL, brokers=(full, damaged)))
    assert found == [("error", "audit_unavailable"), ("warning", "audit_damaged")]


def test_one_broker_is_a_notice_on_etcd_and_normal_on_an_embedded_grid() -> None:
    alone = replace(WELL, brokers=WELL.brokers[:1])
    assert codes(alone) == [("notice", "broker_alone")]
    assert findings(replace(alone, store="embedded", members=(member("m1"),))) == []


def test_hosts_that_are_gone_say_what_is_lost_with_them() -> None:
    gone = HostStatus("h2", "gone", "", "", 8, 2)
    (finding,) = findings(replace(WELL, hosts=(*WELL.hosts, gone)))
    assert finding.code == "host_gone" and "2 sessions" in finding.what
    assert codes(replace(WELL, hosts=(gone,)))[0] == ("error", "hosts_none")


def test_a_gateway_that_is_gone_is_an_error_and_the_last_one_leaves_no_way_in() -> None:
    gone = GatewayStatus("g2", "https://g2", "gone", 0)
    assert codes(replace(WELL, gateways=(*WELL.gateways, gone))) == [("error", "gateway_gone")]
    assert ("error", "gateways_none") in codes(replace(WELL, gateways=(gone,)))


def test_drains_say_what_is_left() -> None:
    picture = replace(
        WELL,
        hosts=(*WELL.hosts, HostStatus("h2", "draining", "b1", "1.0", 8, 1)),
        gateways=(*WELL.gateways, GatewayStatus("g2", "https://g2", "draining", 0)),
        brokers=(*WELL.brokers, BrokerStatus("b3", "b3:8444", "1.0", "draining", hosts=4)),
    )
    whats = {finding.code: finding.what for finding in findings(picture)}
    assert "4 hosts are left" in whats["broker_drains"]
    assert "nothing" in whats["gateway_drains"] or "no stream" in whats["gateway_drains"]
    assert "1 session left" in whats["host_drains"]
    assert {finding.severity for finding in findings(picture)} == {"notice"}


def test_a_wrong_clock_is_an_error_that_says_by_how_much() -> None:
    right, other = WELL.brokers
    wrong = replace(other, clock="wrong", clock_ahead_seconds=-3600.0)
    (finding,) = findings(replace(WELL, brokers=(replace(right, clock="right"), wrong)))
    assert (finding.severity, finding.code) == ("error", "clock_wrong")
    assert "broker b2 is 60 min behind" in finding.what


def test_clocks_that_differ_without_a_majority_are_told_once() -> None:
    one, other = (
        replace(broker, clock="unsure", clock_ahead_seconds=ahead)
        for broker, ahead in zip(WELL.brokers, (-40.0, 40.0), strict=True)
    )
    (finding,) = findings(replace(WELL, brokers=(one, other)))
    assert (finding.severity, finding.code) == ("warning", "clocks_differ")
    assert finding.what == "the clocks of the brokers b1, b2 differ by up to 40 s"


def test_full_hosts_orphans_and_mixed_versions_are_told() -> None:
    (host,) = WELL.hosts
    assert codes(replace(WELL, hosts=(replace(host, sessions=8),))) == [("warning", "hosts_full")]
    assert codes(replace(WELL, hosts=(replace(host, orphans=1),))) == [("warning", "host_orphans")]
    assert codes(replace(WELL, hosts=(replace(host, version="0.9"),))) == [("notice", "versions_differ")]


def test_the_answer_holds_every_part_and_how_far_each_member_is_behind() -> None:
    picture = replace(
        WELL, members=(member("m1"), member("m2", raft_index=4990), member("m3", healthy=False))
    )
    data = to_json(picture, findings(picture))
    assert [one["lag"] for one in data["grid"]["members"]] == [0, 10, None]
    assert [one["name"] for one in data["brokers"]] == ["b1", "b2"]
    assert data["findings"][0]["code"] == "grid_member_down"


@pytest.mark.parametrize(
    ("limit", "why"), [("host", "too busy"), ("network", "network"), ("client", "browsers")]
)
def test_host_with_many_slow_sessions_is_named_with_the_reason(limit: str, why: str) -> None:
    slow = replace(WELL.hosts[0], streams=8, bad_streams=3, bad_limit=limit)
    (finding,) = findings(replace(WELL, hosts=(slow,)))
    assert (finding.severity, finding.code) == ("warning", "streams_bad")
    assert "h1" in finding.what and why in finding.what and "3 of the 8" in finding.what


def test_few_slow_sessions_are_no_finding_of_the_site() -> None:
    two = replace(WELL.hosts[0], streams=2, bad_streams=2, bad_limit="network")
    of_many = replace(WELL.hosts[0], streams=40, bad_streams=5, bad_limit="network")
    assert findings(replace(WELL, hosts=(two,))) == findings(replace(WELL, hosts=(of_many,))) == []


def probes(failures: int = 1, **states: int) -> ProbesOfTenant:
    failing = Failing("Editor", "window_timeout", "ready", failures, "k7h3m2pa")
    return ProbesOfTenant("acme", states, (failing,) * states.get("failed", 0))


def test_a_probe_that_failed_is_told_with_stage_code_and_reference() -> None:
    (found,) = findings(replace(WELL, probes=(probes(failed=1, ok=2),)))
    assert (found.severity, found.code) == ("warning", "probes_failed")
    assert found.what == (
        "1 of 3 probes of acme failed: Editor: window_timeout in stage ready, reference k7h3m2pa"
    )
    assert "portcullis probe get" in found.remedy


def test_what_fails_again_and_again_is_to_be_put_right() -> None:
    (found,) = findings(replace(WELL, probes=(probes(3, failed=1),)))
    assert found.severity == "error" and "3 times in a row" in found.what


def test_of_many_failing_probes_some_are_told() -> None:
    (found,) = findings(replace(WELL, probes=(probes(failed=9),)))
    assert found.what.count("window_timeout") == 5 and found.what.endswith("and 4 more")


def test_probes_that_nobody_makes_are_told() -> None:
    assert codes(replace(WELL, probes=(probes(late=2, ok=1),))) == [("warning", "probes_late")]
    assert codes(replace(WELL, probes=(probes(ok=1, waiting=1, skipped=1),))) == []


def test_a_change_of_the_ca_says_how_far_it_is_and_who_is_waited_for() -> None:
    waits = tuple(f"host h{number}" for number in range(7))
    announced = replace(WELL, ca=Progress("announced", 0.0, "ab" * 32, (*waits, "broker b-old"), 9, False))
    (found,) = findings(announced)
    assert (found.severity, found.code) == ("notice", "ca_changes")
    assert "announced: 2 of 9 machines trust it; it waits for host h0, host h1" in found.what
    assert found.what.endswith("host h4 and 3 more")
    (found,) = findings(replace(WELL, ca=Progress("signing", 0.0, "ab" * 32, (), 9, False)))
    assert "9 of 9 machines have a certificate of it; the next step follows" in found.what
    assert to_json(announced, [])["ca"]["phase"] == "announced"


def test_a_change_of_data_keys_says_how_far_it_is() -> None:
    (found,) = findings(replace(WELL, data_keys=KeyChange("coming", 2, ("b-old",))))
    assert (found.severity, found.code) == ("notice", "data_keys_change")
    assert found.what.startswith("a new data key of 2 tenants is announced")
    assert found.what.endswith("older version: b-old")
    (found,) = findings(replace(WELL, data_keys=KeyChange("kept", 1, ())))
    assert "1 tenant is in use; the old one opens for a day" in found.what
