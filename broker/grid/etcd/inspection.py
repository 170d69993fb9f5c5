"""What the members say of themselves: their versions at the start, and all that `status` shows."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from broker.grid.etcd import messages as m
from broker.grid.etcd import versions
from broker.grid.etcd.address import EtcdAddress, Tls
from broker.grid.etcd.diagnosis import client_context, diagnose, told_version
from broker.grid.etcd.endpoint import MEMBER_LIST, STATUS, Endpoint
from broker.grid.etcd.members import Members
from broker.grid.etcd.troubles import GridDenied, GridTlsRefused, GridUnreachable, GridVersionRefused, Missed
from broker.grid.grid import GridError, Member

log = logging.getLogger(__name__)

STATUS_SECONDS = 2.0
START_SECONDS = 10.0
RETRY_SECONDS = 0.5
DENIED_STATE = "it tells how it is to users of etcd's role root alone"


class Inspection:
    def __init__(self, members: Members) -> None:
        self._members = members
        self._versions: dict[Endpoint, versions.Version] = {}
        self._told: set[Endpoint] = set()
        self._names: dict[int, str] = {}
        self._tls: Tls | None = None
        self._denying: set[Endpoint] = set()
        """They tell their state to etcd's root alone: 3.5.30 does, where access control is on."""

    def orders_progress(self, endpoint: Endpoint) -> bool:
        version = self._versions.get(endpoint)
        return version is not None and versions.orders_progress(version)

    async def at_start(self, address: EtcdAddress) -> None:
        """Every member that answers must be of a version that keeps data. Raises GridUnavailable."""
        self._tls = address.tls
        if address.tls is not None:
            client_context(address.tls)
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await self._look(self._members.endpoints):
                    await self._explain(address)
                    await asyncio.sleep(RETRY_SECONDS)
        except TimeoutError as exc:
            reasons = [f"{each}: {await diagnose(each, address.tls)}" for each in address.endpoints]
            raise GridUnreachable("no etcd member answers (" + "; ".join(reasons) + ")") from exc

    async def members(self) -> tuple[Member, ...]:
        endpoints = sorted(self._members.endpoints, key=str)
        said = await asyncio.gather(*(self._status(endpoint) for endpoint in endpoints))
        if not all(status is None or status.header.member_id in self._names for status, _ in said):
            await self._learn_names()
        return tuple(self._member(endpoint, *each) for endpoint, each in zip(endpoints, said, strict=True))

    async def _look(self, endpoints: tuple[Endpoint, ...]) -> bool:
        """Whether any answers."""
        said = await asyncio.gather(*(self._status(endpoint) for endpoint in endpoints))
        for endpoint, (status, trouble) in zip(endpoints, said, strict=True):
            if status is None and endpoint not in self._told:
                self._told.add(endpoint)
                log.warning("etcd member %s does not answer: %s", endpoint, trouble)
            elif status is not None:
                self._members.check_cluster(endpoint, status.header)
                self._check_version(endpoint, status.version)
        return any(status is not None for status, _ in said)

    async def _explain(self, address: EtcdAddress) -> None:
        """Nothing answers: certificates do not mend themselves, so there is no waiting for them."""
        for each in address.endpoints:
            try:
                await diagnose(each, address.tls)
            except GridTlsRefused as exc:
                raise GridTlsRefused(f"etcd member {each}: {exc}") from exc

    def _check_version(self, endpoint: Endpoint, text: str) -> None:
        version = versions.parse_version(text)
        if version is None:
            raise GridVersionRefused(f"etcd member {endpoint} says that its version is {text!r}")
        if (reason := versions.refusal(version)) is not None:
            raise GridVersionRefused(f"etcd member {endpoint} is version {text}, which is not used: {reason}")
        if endpoint not in self._versions and (reason := versions.warning(version)) is not None:
            log.warning(
                "etcd member %s is version %s: %s. Better: %s.", endpoint, text, reason, versions.RECOMMENDED
            )
        self._versions[endpoint] = version

    async def _status(self, endpoint: Endpoint) -> tuple[Any, str]:
        try:
            status = await endpoint.call(STATUS, m.Empty(), STATUS_SECONDS)
        except GridDenied as exc:
            version = await told_version(endpoint.address, self._tls)
            self._denying.add(endpoint)
            return (None, str(exc)) if version is None else (m.StatusResponse(version=version), "")
        except (Missed, GridError) as exc:
            return None, str(exc)
        self._denying.discard(endpoint)
        return status, ""

    async def _learn_names(self) -> None:
        for endpoint in self._members.endpoints:
            try:
                answer = await endpoint.call(MEMBER_LIST, m.Empty(), STATUS_SECONDS)
            except (Missed, GridError) as exc:
                log.debug("%s does not name the members: %s", endpoint, exc)
                continue
            self._names.update({member.id: member.name for member in answer.members})
            return

    def _member(self, endpoint: Endpoint, status: Any, trouble: str) -> Member:
        if status is None:
            return Member(str(endpoint), str(endpoint), trouble=trouble)
        if endpoint in self._denying:
            return Member(
                str(endpoint), str(endpoint), version=status.version, healthy=True, trouble=DENIED_STATE
            )
        member_id = status.header.member_id
        errors = list(status.errors)
        alarms = tuple(name for name in ("NOSPACE", "CORRUPT") if any(name in error for error in errors))
        return Member(
            name=self._names.get(member_id) or str(endpoint),
            endpoint=str(endpoint),
            version=status.version,
            is_leader=status.leader == member_id,
            healthy=bool(status.leader) and not errors,
            raft_index=status.raft_index,
            raft_term=status.raft_term,
            database_bytes=status.db_size,
            quota_bytes=status.db_size_quota,
            alarms=alarms,
            trouble="; ".join(errors) or ("" if status.leader else "it knows no leader"),
        )
