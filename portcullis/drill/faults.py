"""Every fault of the drill: what is done to whom, for how long, and what is promised of it.

A strike chooses its target with the drill's seeded source, does the harm and says whom it concerns; putting back is the
scene's. Promises are research's and the task's figures; those of a network that is silent are longer, since silence has
to be noticed first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random  # noqa: TID251  # a seed must give the same faults again; nothing secret comes of it
from typing import Protocol

from portcullis.drill import host_side
from portcullis.drill.figures import Promise
from portcullis.drill.live_session import LiveSession
from portcullis.drill.people import Administrator
from portcullis.drill.scene import Scene
from portcullis.lab.layout import Lab

UNTOUCHED = Promise("typing", 1.0, "a key waits, at most")
RESUMED = Promise("typing", 3.0, "a key waits while its stream moves")
RESUMED_AFTER_SILENCE = Promise("typing", 8.0, "a key waits while its stream moves")
READING = Promise("reading", 1.0, "a read waits")
READING_AFTER_SILENCE = Promise("reading", 8.0, "a read waits")
LAUNCHING = Promise("launching", 4.0, "a launch takes")
REFUSING = Promise("refusing", 2.5, "a change is refused with a reason")
BACK = Promise("back", 2.0, "the part is back in service")
DEGRADED_SECONDS = 6.0
"""By then brokers know for long that the grid is away."""


class Stage(Protocol):
    """What a strike may use."""

    @property
    def scene(self) -> Scene: ...

    @property
    def administrator(self) -> Administrator: ...

    @property
    def sessions(self) -> Sequence[LiveSession]: ...

    def application_of(self, session: LiveSession) -> host_side.Application: ...


@dataclass(frozen=True, slots=True)
class Struck:
    """Whom it concerns. `affected`: the sessions whose streams may break; `ends`: those that are to end; `at`: when it
    was done, if not at once (monotonic)."""

    names: tuple[str, ...]
    affected: tuple[LiveSession, ...] = ()
    ends: tuple[LiveSession, ...] = ()
    at: float | None = None
    survives: bool = False
    """The applications of those that end live on: it is their users who are out."""


Strike = Callable[[Stage, Random], Awaitable[Struck]]


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    title: str
    target: str
    promises: tuple[Promise, ...]
    strike: Strike
    seconds: float = 0.0
    """How long it lasts, unless the supervisor ends it by starting the part again."""
    possible: Callable[[Lab], bool] = lambda lab: True
    settles: Callable[[Stage], Awaitable[None]] | None = None
    """What has to be undone beyond the scene's: a user enabled, a drain taken back."""


def kill(kind: str) -> Strike:
    async def strike(stage: Stage, chance: Random) -> Struck:
        name, affected = await choose(stage, chance, kind)
        await stage.scene.kill(name)
        return Struck((name,), affected if kind == "gateway" else ())

    return strike


def freeze(kind: str) -> Strike:
    async def strike(stage: Stage, chance: Random) -> Struck:
        name, affected = await choose(stage, chance, kind)
        await stage.scene.freeze(name)
        return Struck((name,), affected if kind == "gateway" else ())

    return strike


def stall(kind: str) -> Strike:
    async def strike(stage: Stage, chance: Random) -> Struck:
        name, affected = await choose(stage, chance, kind)
        await stage.scene.detach(name, "stall")
        return Struck((name,), affected if kind in ("gateway", "agent") else ())

    return strike


def cut(kind: str) -> Strike:
    async def strike(stage: Stage, chance: Random) -> Struck:
        name, affected = await choose(stage, chance, kind)
        await stage.scene.detach(name, "cut")
        return Struck((name,), affected if kind in ("gateway", "agent") else ())

    return strike


async def choose(stage: Stage, chance: Random, kind: str) -> tuple[str, tuple[LiveSession, ...]]:
    """One of the kind, with its sessions: for gateways and agents one that carries some."""
    lab = stage.scene.lab
    leader = await stage.scene.leader() if kind.startswith("etcd") else None
    parts: dict[str, Sequence[str]] = {
        "etcd leader": [leader] if leader else lab.members,
        "etcd follower": [name for name in lab.members if name != leader],
        "broker": lab.brokers,
        "gateway": lab.gateways,
        "agent": lab.agents,
    }
    carried = {name: sessions_of(stage, name) for name in parts[kind]}
    names = [name for name, sessions in carried.items() if sessions] or list(parts[kind])
    name = chance.choice(names)
    return name, carried[name]


def sessions_of(stage: Stage, name: str) -> tuple[LiveSession, ...]:
    scene = stage.scene
    if name in scene.lab.gateways:
        return tuple(each for each in stage.sessions if each.gateway == scene.url_of(name))
    if name in scene.lab.agents:
        return tuple(each for each in stage.sessions if scene.agent_of(each.host) == name)
    return ()


async def break_nothing(stage: Stage, chance: Random) -> Struck:
    """What the machine itself does to the figures."""
    return Struck(())


async def lose_quorum(stage: Stage, chance: Random) -> Struck:
    lab = stage.scene.lab
    names = tuple(chance.sample(lab.members, len(lab.members) // 2 + 1))
    await stage.scene.hold(*names)
    await stage.scene.kill(*names)
    return Struck(names)


async def kill_all_brokers(stage: Stage, chance: Random) -> Struck:
    names = stage.scene.lab.brokers
    await stage.scene.hold(*names)
    await stage.scene.kill(*names)
    return Struck(names)


async def isolate_from_etcd(stage: Stage, chance: Random) -> Struck:
    """A broker on the wrong side of a partition: it sees gateways and hosts, and no member."""
    name = chance.choice(stage.scene.lab.brokers)
    await stage.scene.detach(name, "stall", *stage.scene.lab.members)
    return Struck((name,))


async def kill_worker(stage: Stage, chance: Random) -> Struck:
    session = chance.choice(stage.sessions)
    pid = await asyncio.to_thread(host_side.worker_of, stage.application_of(session).pid)
    stage.scene.kill_process(pid)
    return Struck((f"worker of {session.host}",), (session,), (session,))


async def kill_leader_process(stage: Stage, chance: Random) -> Struck:
    session = chance.choice(stage.sessions)
    pid = await asyncio.to_thread(host_side.leader_of, stage.application_of(session).pid)
    stage.scene.kill_process(pid)
    return Struck((f"leader of {session.host}",), (session,), (session,))


async def disable_user(stage: Stage, chance: Random) -> Struck:
    session = chance.choice(stage.sessions)
    await stage.administrator.post("admin", "users", session.person.name, "disable", body={})
    return Struck((session.person.name,), (session,), (session,), survives=True)


async def disable_user_without_quorum(stage: Stage, chance: Random) -> Struck:
    lost = await lose_quorum(stage, chance)
    await asyncio.sleep(DEGRADED_SECONDS)
    at = time.monotonic()
    struck = await disable_user(stage, chance)
    return Struck((*struck.names, *lost.names), struck.affected, struck.ends, at, survives=True)


async def drain_gateway(stage: Stage, chance: Random) -> Struck:
    name, affected = await choose(stage, chance, "gateway")
    await stage.administrator.post("admin", "gateways", name, "drain", body={"draining": True})
    return Struck((name,), affected)


async def undrain_gateways(stage: Stage) -> None:
    for name in stage.scene.lab.gateways:
        await stage.administrator.post("admin", "gateways", name, "drain", body={"draining": False})


async def drain_broker(stage: Stage, chance: Random) -> Struck:
    name, _ = await choose(stage, chance, "broker")
    await stage.administrator.post("admin", "brokers", name, "drain", body={"draining": True})
    return Struck((name,))


async def undrain_brokers(stage: Stage) -> None:
    for name in stage.scene.lab.brokers:
        await stage.administrator.post("admin", "brokers", name, "drain", body={"draining": False})


async def panic(stage: Stage, chance: Random) -> Struck:
    await stage.administrator.post("admin", "panic", body={"confirm": "lab"})
    return Struck(("everybody",), tuple(stage.sessions), tuple(stage.sessions), survives=True)


def has_etcd(lab: Lab) -> bool:
    return len(lab.members) >= 3


def several_brokers(lab: Lab) -> bool:
    return len(lab.brokers) > 1


def several_gateways(lab: Lab) -> bool:
    return len(lab.gateways) > 1


_SHORT, _LONG = 8.0, 12.0

FAULTS: tuple[Fault, ...] = (
    Fault(
        "nothing",
        "nothing (for comparison)",
        "nothing",
        (UNTOUCHED, READING, LAUNCHING),
        break_nothing,
        _SHORT,
    ),
    Fault(
        "etcd-leader-killed",
        "etcd leader killed",
        "etcd leader",
        (UNTOUCHED, LAUNCHING),
        kill("etcd leader"),
        possible=has_etcd,
    ),
    Fault(
        "etcd-leader-frozen",
        "etcd leader frozen",
        "etcd leader",
        (UNTOUCHED, LAUNCHING),
        freeze("etcd leader"),
        _SHORT,
        has_etcd,
    ),
    Fault(
        "etcd-leader-cut-off",
        "etcd leader cut off (silence)",
        "etcd leader",
        (UNTOUCHED, LAUNCHING),
        stall("etcd leader"),
        _SHORT,
        has_etcd,
    ),
    Fault(
        "etcd-follower-killed",
        "etcd follower killed",
        "etcd follower",
        (UNTOUCHED, LAUNCHING),
        kill("etcd follower"),
        possible=has_etcd,
    ),
    Fault(
        "etcd-follower-frozen",
        "etcd follower frozen",
        "etcd follower",
        (UNTOUCHED, LAUNCHING),
        freeze("etcd follower"),
        _SHORT,
        has_etcd,
    ),
    Fault(
        "quorum-lost",
        "etcd quorum lost, and back",
        "etcd quorum",
        (
            UNTOUCHED,
            Promise("degrading", 3.0 + 2.0, "the first change is refused with a reason"),
            Promise("reading", 1.0, "a read waits"),
            Promise("leaving", 3.0, "changes go again, once it is back"),
        ),
        lose_quorum,
        _LONG,
        has_etcd,
    ),
    Fault(
        "broker-killed",
        "broker killed",
        "broker",
        (UNTOUCHED, READING, LAUNCHING),
        kill("broker"),
        possible=several_brokers,
    ),
    Fault(
        "broker-frozen",
        "broker frozen",
        "broker",
        (UNTOUCHED, READING_AFTER_SILENCE),
        freeze("broker"),
        _LONG,
        several_brokers,
    ),
    Fault(
        "broker-cut-off",
        "broker cut off (silence)",
        "broker",
        (UNTOUCHED, READING_AFTER_SILENCE),
        stall("broker"),
        _LONG,
        several_brokers,
    ),
    Fault(
        "broker-partitioned",
        "broker cut off from etcd alone",
        "broker",
        (UNTOUCHED, READING_AFTER_SILENCE),
        isolate_from_etcd,
        _LONG,
        lambda lab: has_etcd(lab) and several_brokers(lab),
    ),
    Fault(
        "all-brokers-killed",
        "all brokers killed, and back",
        "all brokers",
        (UNTOUCHED, REFUSING, Promise("leaving", 5.0, "changes go again, once they are back")),
        kill_all_brokers,
        _LONG,
    ),
    Fault(
        "gateway-killed",
        "gateway killed",
        "gateway",
        (RESUMED, READING),
        kill("gateway"),
        possible=several_gateways,
    ),
    Fault(
        "gateway-frozen",
        "gateway frozen",
        "gateway",
        (RESUMED_AFTER_SILENCE, READING_AFTER_SILENCE),
        freeze("gateway"),
        _LONG,
        several_gateways,
    ),
    Fault(
        "gateway-cut-off",
        "gateway cut off (silence)",
        "gateway",
        (RESUMED_AFTER_SILENCE, READING_AFTER_SILENCE),
        stall("gateway"),
        _LONG,
        several_gateways,
    ),
    Fault(
        "gateway-reset",
        "gateway cut off (resets)",
        "gateway",
        (RESUMED, READING),
        cut("gateway"),
        _SHORT,
        several_gateways,
    ),
    Fault("agent-killed", "agent killed", "agent", (UNTOUCHED, BACK), kill("agent")),
    Fault("agent-frozen", "agent frozen", "agent", (UNTOUCHED, BACK), freeze("agent"), _SHORT),
    Fault(
        "host-cut-off",
        "host cut off (silence), and back",
        "agent",
        (Promise("resuming", 8.0, "a key arrives, once it is back"),),
        stall("agent"),
        _SHORT,
    ),
    Fault(
        "worker-killed",
        "worker of one session killed",
        "worker",
        (Promise("telling", 3.0, "its user is told"),),
        kill_worker,
    ),
    Fault(
        "leader-killed",
        "leader of one session killed",
        "leader",
        (Promise("telling", 3.0, "its user is told"),),
        kill_leader_process,
    ),
    Fault(
        "gateway-drained",
        "gateway drained",
        "gateway",
        (Promise("moving", 30.0, "its streams have moved"), RESUMED),
        drain_gateway,
        possible=several_gateways,
        settles=undrain_gateways,
    ),
    Fault(
        "broker-drained",
        "broker drained",
        "broker",
        (UNTOUCHED, READING, LAUNCHING),
        drain_broker,
        _SHORT,
        several_brokers,
        undrain_brokers,
    ),
    Fault(
        "user-disabled",
        "user disabled",
        "user",
        (Promise("cutting", 2.0, "the user's streams are cut"),),
        disable_user,
    ),
    Fault(
        "user-disabled-without-quorum",
        "user disabled without quorum",
        "user",
        (Promise("cutting", 2.0, "the user's streams are cut"),),
        disable_user_without_quorum,
        4.0,
        has_etcd,
    ),
    Fault("panic", "panic", "everybody", (Promise("cutting", 5.0, "every stream is cut"),), panic),
)
