"""What goes wrong, one thing after another, as a seed says: each fault is begun, stays a while, and is mended."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from tests.support.etcd import Member
from tests.support.faults.cluster import Cluster, add_user, commit

Pause = Callable[[], Awaitable[None]]
"""Waits as long as the fault is to stay."""
Fault = Callable[[Cluster, random.Random, Pause], Awaitable[str]]
"""Begins, waits, mends; what it was done to."""


async def kill_broker(cluster: Cluster, chance: random.Random, stay: Pause) -> str:
    number = chance.randrange(len(cluster.brokers))
    await cluster.brokers[number].kill()
    await stay()
    await cluster.brokers[number].start()
    return f"broker {number}"


async def freeze_broker(cluster: Cluster, chance: random.Random, stay: Pause) -> str:
    number = chance.randrange(len(cluster.brokers))
    cluster.brokers[number].signal(signal.SIGSTOP)
    await stay()
    cluster.brokers[number].signal(signal.SIGCONT)
    return f"broker {number}"


async def kill_etcd_leader(cluster: Cluster, _: random.Random, stay: Pause) -> str:
    member = await cluster.etcd.leader()
    await member.kill()
    await stay()
    await member.start()
    return member.name


async def freeze_etcd_leader(cluster: Cluster, _: random.Random, stay: Pause) -> str:
    member = await cluster.etcd.leader()
    member.freeze()
    await stay()
    member.thaw()
    return member.name


async def kill_etcd_member(cluster: Cluster, chance: random.Random, stay: Pause) -> str:
    member = chance.choice(cluster.etcd.members)
    await member.kill()
    await stay()
    await member.start()
    return member.name


async def lose_quorum(cluster: Cluster, chance: random.Random, stay: Pause) -> str:
    members = chance.sample(cluster.etcd.members, 2)
    for member in members:
        member.freeze()
    await stay()
    for member in members:
        member.thaw()
    return ", ".join(member.name for member in members)


async def cut_broker_from_grid(cluster: Cluster, chance: random.Random, stay: Pause) -> str:
    """Silently: its connections stay up, and nothing comes."""
    broker = chance.choice(cluster.brokers)
    cluster.partition.cut([m.client_port for m in cluster.etcd.members], group=broker.group)
    await stay()
    cluster.partition.heal()
    return str(broker.address)


async def cut_etcd_leader_from_peers(cluster: Cluster, _: random.Random, stay: Pause) -> str:
    """It still takes calls, and must not answer as if it led."""
    leader = await cluster.etcd.leader()
    _cut_from_peers(cluster, leader)
    await stay()
    cluster.partition.heal()
    return leader.name


async def cut_etcd_leader_from_all(cluster: Cluster, _: random.Random, stay: Pause) -> str:
    leader = await cluster.etcd.leader()
    _cut_from_peers(cluster, leader)
    cluster.partition.cut([leader.client_port])
    await stay()
    cluster.partition.heal()
    return leader.name


def _cut_from_peers(cluster: Cluster, member: Member) -> None:
    cluster.partition.cut([member.peer_port])
    cluster.partition.cut([m.peer_port for m in cluster.etcd.members if m is not member], group=member.group)


async def power_off_host(cluster: Cluster, chance: random.Random, stay: Pause) -> str:
    host = chance.choice(cluster.hosts)
    await host.stop()
    await stay()
    host.start()
    return host.credentials.name


async def disable_user(cluster: Cluster, chance: random.Random, stay: Pause) -> str:
    """Somebody new, who launches at every broker at the moment of being disabled: what began later would be wrong."""
    name = f"guest{len(cluster.users)}"
    (guest,) = await add_user(cluster, name, 1, chance)
    await guest.until_known(KNOWN_SECONDS)
    tenant = await cluster.stores.tenant(cluster.secrets.tenant_id)
    disabled = replace(cluster.users[-1], disabled=True)
    await commit(cluster, tenant.put(("user", disabled.id), disabled.to_json(), author="nemesis"))
    await guest.rush()
    await stay()
    return name


FAULTS: Mapping[str, Fault] = {
    "kill a broker": kill_broker,
    "freeze a broker": freeze_broker,
    "kill the etcd leader": kill_etcd_leader,
    "freeze the etcd leader": freeze_etcd_leader,
    "kill an etcd member": kill_etcd_member,
    "lose the quorum": lose_quorum,
    "cut a broker off from the grid": cut_broker_from_grid,
    "cut the etcd leader off from its peers": cut_etcd_leader_from_peers,
    "cut the etcd leader off from everybody": cut_etcd_leader_from_all,
    "power off a host": power_off_host,
    "disable a user": disable_user,
}


KNOWN_SECONDS = 5.0


class Nemesis:
    def __init__(
        self,
        cluster: Cluster,
        chance: random.Random,
        faults: Sequence[str],
        longest_seconds: float,
    ) -> None:
        self._cluster = cluster
        self._faults = sorted(faults)
        self._chance = chance
        self._longest = longest_seconds
        self.done: list[str] = []

    async def rage(self, until: float) -> None:
        """Until then, by the monotonic clock: each fault once before any comes twice. All is mended at the end."""
        names: list[str] = []
        while self._faults and time.monotonic() < until:
            names = names or self._chance.sample(self._faults, len(self._faults))
            name = names.pop()
            whom = await FAULTS[name](self._cluster, self._chance, self._stay)
            self.done.append(f"{name} ({whom})")
            await self._stay()

    async def _stay(self) -> None:
        await asyncio.sleep(self._chance.uniform(0.2, self._longest))
