"""Composition of the agent: built in order, stopped in reverse. Stopping it leaves every session running."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import json
import logging
import os
import ssl
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from agents.backend import Backend, load
from agents.brokers import merged
from agents.contracts import Launcher
from agents.control import ControlClient, ControlHandlers
from agents.credentials import CredentialsDesk
from agents.links import AttachedSession, Doorkeeper, Links
from agents.revocations import HostRevocations
from agents.sessions.acts import SessionActs
from agents.sessions.dry_runs import DryRuns, Knowledge
from agents.sessions.launches import LaunchCounts
from agents.sessions.manager import Manager, SiteFacts
from agents.sessions.session import TimeLimits
from agents.sessions.warmth import Warmth
from agents.settings import AgentSettings, video_codecs
from agents.watched import offer_readings
from portcullis.clock import SiteClock, SystemClock
from portcullis.enrolment.credentials import Credentials, client_context
from portcullis.enrolment.renewal import Renewal
from portcullis.errors import InvalidInput
from portcullis.ids import new_id
from portcullis.logs import ids
from portcullis.measuring import Metrics
from portcullis.metrics import GROUPING
from portcullis.model.platforms import WINDOWS
from portcullis.probes import Probes, Watch
from portcullis.protocol.acts import FEATURE as ACT
from portcullis.protocol.checks import FEATURE as CHECK
from portcullis.protocol.directory import Directory
from portcullis.protocol.discovery import FEATURE as DISCOVER
from portcullis.protocol.features import SESSIONS_WORD
from portcullis.protocol.link import Heard, Revoke
from portcullis.protocol.reports import Heartbeat, Hello, Report
from portcullis.tasks import cancel_and_wait, spawn
from portcullis.tickets import verifying_keys

log = logging.getLogger(__name__)

DEFAULT_SLOTS = 8
SKEW_SECONDS = 30.0
"""More is worth a line in the log: certificates and logs still go by the machine's own clock."""


class Agent:
    def __init__(
        self,
        settings: AgentSettings,
        credentials: Credentials,
        launcher: Launcher,
        backend: Backend | None = None,
    ) -> None:
        """`backend`: None for that of this machine."""
        self._backend = backend = backend or load()
        self._credentials = credentials
        self._incarnation = new_id()
        self._slots = slots_of(settings, backend.maximum_sessions)
        self._isolation = launcher.isolation
        self._launcher = launcher
        self._starting_limit = settings.starting_limit or max(2, os.cpu_count() or 1)
        self._keys = verifying_keys(credentials.grant_keys)
        self._clock = SiteClock(SystemClock())
        self._metrics = Metrics("agent", version())
        self._control = ControlClient(
            lambda: self._credentials.brokers, self._context_for_brokers, self._handlers()
        )
        self._desk = CredentialsDesk(self._control.want)
        self._renewal = Renewal(credentials, self._on_renewed, trusts=self._trusts)
        self._make_sessions(settings)
        self._revocations = HostRevocations(
            lambda: self._keys, self._clock, self._manager.sessions, lambda: self._control.is_up
        )
        self._links = self._make_links()
        offer_readings(self._metrics, launcher, self._manager, self._control, self._links, backend.usage_of)
        self._metrics.read(GROUPING, lambda: {(launcher.grouping,): 1})
        self._watch = Watch.of(settings.metrics, settings.metrics_exposed)
        self._probes = Probes(self._metrics, self._trouble)

    def _handlers(self) -> ControlHandlers:
        """Of parts that are made later: they know the control channel."""
        return ControlHandlers(
            hello=self._hello,
            reports=lambda: self._manager.reports(),
            directory=self._on_directory,
            desired=lambda desired: self._manager.apply(desired),
            cut=lambda cut: self._manager.cut(cut),
            check=lambda check: self._dry_runs.answer(check),
            act=lambda act: self._acts.answer(act),
            credentials=lambda given: self._desk.take(given),
            discover=self._backend.discovery(),
            heartbeat=self._heartbeat,
            revocations=lambda texts: self._revocations.take(texts),
            time=self._on_time,
        )

    def _make_sessions(self, settings: AgentSettings) -> None:
        """Those that run, those prepared ahead, and what is asked about them."""
        credentials, launcher = self._credentials, self._launcher
        self._manager = Manager(
            launcher,
            SiteFacts(
                *(credentials.id, credentials.site_id, credentials.ca, credentials.grant_keys),
                video=video_codecs(settings.video),
            ),
            self._on_report,
            time_limits(settings),
            LaunchCounts(self._metrics),
            lambda session: self._revocations.welcome(session),
            self._desk.ask,
        )
        self._warmth = Warmth(
            *(launcher, settings.warm_sessions, self._slots),
            self._manager.states,
            self._backend.memory_available_bytes,
        )
        self._dry_runs = DryRuns(launcher.looks, self._knowledge())
        self._acts = SessionActs(self._manager.find, launcher.processes)

    def _make_links(self) -> Links:
        doorkeeper = Doorkeeper(
            *(self._credentials.id, self._clock, lambda: self._keys, self._find),
            self._revocations.check,
        )
        return Links(doorkeeper, self._context_for_gateways, self._told_by_gateway)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. Raises what a task failed with: a new agent then adopts the sessions."""
        await self._probes.start(self._watch)
        await self._manager.start()
        tasks = [
            spawn(self._renewal.run(), name="renewal"),
            spawn(self._control.run(), name="control"),
            spawn(self._warmth.run(), name="warm-sessions"),
            spawn(self._revocations.run(), name="offline-grace"),
        ]
        stopped = spawn(stop.wait(), name="stop")
        log.info("agent runs", extra=ids(host=self._credentials.id, slots=self._slots))
        try:
            done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await cancel_and_wait(stopped, *reversed(tasks))
            await self._links.stop()
            await self._manager.stop()
            await self._probes.stop()

    def _on_report(self, report: Report) -> None:
        self._control.report(report)
        self._warmth.changed()

    def _trouble(self) -> list[str]:
        return [] if self._control.is_up else ["no control channel to a broker stands"]

    def _hello(self) -> Hello:
        return Hello(
            version(),
            self._slots,
            self._incarnation,
            self._manager.reports(),
            self._isolation,
            self._starting_limit,
            frozenset({CHECK, ACT, DISCOVER, SESSIONS_WORD}) | self._launcher.features,
        )

    def _heartbeat(self) -> Heartbeat:
        return Heartbeat(
            self._backend.load(),
            self._backend.memory_available_bytes(),
            sessions=self._manager.take_figures(),
            unused=self._manager.unused(),
        )

    def _knowledge(self) -> Knowledge:
        return Knowledge(
            self._slots,
            running=self._running,
            memory_available_bytes=self._backend.memory_available_bytes,
            links=lambda: (self._links.up, self._links.wanted),
            takes_place=lambda check: check.desktop is None or not self._attaches_apart,
        )

    @property
    def _attaches_apart(self) -> bool:
        """Whether sessions that are attached to somebody's desktop have places of their own (broker/launch/plan.py)."""
        return WINDOWS in self._launcher.features

    def _running(self) -> int:
        """Sessions that take one of this host's places."""
        running = [session for session in self._manager.sessions() if session.state != "ended"]
        if not self._attaches_apart:
            return len(running)
        return sum(session.about is None or session.about.slot < self._slots for session in running)

    def _find(self, session: str, tenant: str) -> AttachedSession | None:
        return self._manager.find(session, tenant)

    def _told_by_gateway(self, message: Revoke | Heard) -> None:
        if isinstance(message, Heard):
            self._revocations.heard(message.broker_seconds)
        else:
            self._revocations.take(message.revocations)

    def _on_time(self, now: float) -> None:
        """Grants are judged by the brokers' time: this host's clock may be wrong, or be set while sessions run."""
        ahead = self._clock.learn(now)
        if abs(ahead) > SKEW_SECONDS:
            log.warning("this host's clock is %+.0f s from the broker's: set it right [clock_skewed]", ahead)
        self._manager.set_clock(self._clock.base)

    async def _on_directory(self, directory: Directory) -> None:
        self._keep(merged(directory.brokers, self._credentials.brokers), directory.grant_keys)
        self._keys = verifying_keys(directory.grant_keys)
        self._manager.set_grant_keys(directory.grant_keys)
        self._renewal.announce(directory.authorities)
        await self._links.update(directory.gateways)

    def _keep(self, brokers: tuple[str, ...], grant_keys: Mapping[str, str]) -> None:
        """On disk, too: brokers may all have other addresses when this agent starts the next time."""
        known = replace(self._credentials, brokers=brokers, grant_keys=grant_keys)
        try:
            self._credentials = self._credentials.with_site(brokers=brokers, grant_keys=grant_keys)
        except OSError as exc:
            log.error("what the broker said cannot be kept on disk: %s", exc)
            self._credentials = known
        self._renewal.credentials = self._credentials

    def _on_renewed(self, credentials: Credentials) -> None:
        """New connections use the new certificate; those that stand were accepted with the old one."""
        self._credentials = credentials
        self._manager.set_ca(credentials.ca)

    def _trusts(self, credentials: Credentials) -> tuple[str, ...]:
        """The workers of all sessions have to: a gateway that shows a certificate of another CA is refused by them."""
        if all(session.takes_ca for session in self._manager.sessions() if session.state != "ended"):
            return credentials.authorities
        return credentials.told

    def _context_for_brokers(self) -> ssl.SSLContext:
        return client_context(self._credentials, "broker")

    def _context_for_gateways(self) -> ssl.SSLContext:
        return client_context(self._credentials, "gateway")


async def serve(settings: AgentSettings, stop: asyncio.Event, backend: Backend | None = None) -> None:
    """Run until `stop` is set. Raises InvalidInput when the host has not joined or another agent runs."""
    backend = backend or load()
    credentials = Credentials.load(settings.state, backend.key_protection())
    if credentials is None or credentials.role != "host":
        raise InvalidInput(
            "--state", "the folder of a host that has joined: run `portcullis-agent join` first"
        )
    async with backend.hosting(settings) as launcher:
        await Agent(settings, credentials, launcher, backend).run(stop)


def time_limits(settings: AgentSettings) -> TimeLimits:
    return TimeLimits(window_seconds=settings.window_seconds, grace_seconds=settings.grace_seconds)


def version() -> str:
    return importlib.metadata.version("portcullis")


def slots_of(settings: AgentSettings, maximum: int | None) -> int:
    """Never more than the machine can run, whatever it was given."""
    return bounded(settings.slots or read_slots(settings.state), maximum)


def bounded(slots: int, maximum: int | None) -> int:
    return slots if maximum is None else min(slots, maximum)


def write_slots(state: Path, slots: int) -> None:
    (state / "agent.json").write_text(json.dumps({"slots": slots}) + "\n")


def read_slots(state: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        data = json.loads((state / "agent.json").read_text())
        if isinstance(data, Mapping) and isinstance(data.get("slots"), int):
            return max(1, int(data["slots"]))
    return DEFAULT_SLOTS
