"""Every metric of broker, gateway and agent in one table: name, kind, unit, labels and their allowed values.

`portcullis.measuring.Metrics` counts them. A label's value that is not listed here is counted as `other`, so that
nothing a stranger sends makes a new series; no name of a user, session, host or application is one. docs/metrics.md is
made from this table: `python -m portcullis.metrics > docs/metrics.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from portcullis.model.session import STAGES, State
from portcullis.model.stream_figures import LIMITS
from portcullis.protocol.closing import CLOSE_CODES
from portcullis.reasons import LAUNCH_FAILED, LAUNCH_REFUSED

Kind = Literal["counter", "gauge", "histogram"]
Part = Literal["broker", "gateway", "agent"]

OTHER = "other"

QUICK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
REQUEST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
ECHO = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
LAUNCH = (0.05, 0.1, 0.2, 0.4, 0.8, 1.2, 2.0, 3.0, 5.0, 10.0, 30.0)


class Routes:
    """Stands for the route templates of docs/api.md: the set that a broker registers at its start, and no other."""


@dataclass(frozen=True, slots=True)
class Metric:
    part: Part
    name: str
    kind: Kind
    help: str
    labels: Mapping[str, tuple[str, ...] | type[Routes]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    """Upper bounds, of a histogram, in seconds."""

    @property
    def full_name(self) -> str:
        return f"portcullis_{self.part}_{self.name}"

    def __hash__(self) -> int:
        return hash((self.part, self.name))


_STATUSES = ("2xx", "3xx", "4xx", "5xx")
STREAM_REFUSALS = tuple(CLOSE_CODES)
_LAUNCH_OUTCOMES = ("ready", "reconnected", *LAUNCH_REFUSED, *LAUNCH_FAILED, "logged_off")
STATES = tuple(state for state in get_args(State) if state != "ended")
PROBE_STAGES = ("sign_in", "launch", "ready", "attach", "first_frame", "echo")

# broker

SIGN_INS = Metric(
    "broker",
    "sign_ins_total",
    "counter",
    "Attempts to sign in.",
    {"outcome": ("signed_in", "factor_required", "sign_in_refused", "sign_in_blocked", "signature_refused")},
)
LAUNCHES = Metric(
    "broker", "launches_total", "counter", "Launches, by how they came out.", {"outcome": _LAUNCH_OUTCOMES}
)
LAUNCH_STAGE_SECONDS = Metric(
    "broker",
    "launch_stage_seconds",
    "histogram",
    "From the launch's transaction until its session was reported at this stage.",
    {"stage": STAGES[1:]},
    LAUNCH,
)
SESSIONS = Metric("broker", "sessions", "gauge", "Sessions of the site.", {"state": STATES})
HOSTS = Metric("broker", "hosts", "gauge", "Hosts of the site.", {"state": ("online", "offline", "draining")})
GATEWAYS = Metric("broker", "gateways", "gauge", "Gateways of the site.", {"state": ("online", "offline")})
CHANNELS = Metric(
    "broker", "control_channels", "gauge", "Hosts that hold their control channel to this broker."
)
SLOTS = Metric(
    "broker", "slots", "gauge", "Places for sessions on hosts that are online.", {"state": ("taken", "free")}
)
REDEEMS = Metric(
    "broker",
    "ticket_redeems_total",
    "counter",
    "Tickets that gateways presented.",
    {"outcome": ("redeemed", "ticket_refused", "session_ended", "unavailable")},
)
GRID_SECONDS = Metric(
    "broker",
    "grid_transaction_seconds",
    "histogram",
    "Transactions of the grid, until they were durable.",
    {"outcome": ("committed", "conflict", "unavailable")},
    QUICK,
)
GRID_REVISION = Metric(
    "broker", "snapshot_revision", "gauge", "Revision of the grid that the snapshot has reached."
)
GRID_LAG = Metric(
    "broker",
    "snapshot_lag_revisions",
    "gauge",
    "Revisions that this broker has written and its snapshot has not reached.",
)
BROKERS = Metric(
    "broker",
    "brokers",
    "gauge",
    "Brokers of the site, as this one sees them.",
    {"state": ("serving", "draining", "silent", "gone")},
)
GRID_MEMBERS = Metric(
    "broker", "grid_members", "gauge", "Members of the grid.", {"state": ("healthy", "down")}
)
GRID_DATABASE = Metric(
    "broker",
    "grid_database_bytes",
    "gauge",
    "Size of the grid's database, of the member where it is largest.",
)
FINDINGS = Metric(
    "broker",
    "findings",
    "gauge",
    "What `portcullis status` finds wrong with the site.",
    {"severity": ("error", "warning", "notice")},
)
PROBE_STATES = ("ok", "failed", "skipped", "waiting", "late")
PROBES = Metric(
    "broker",
    "probes",
    "gauge",
    "Probes of the site, by how each went the last time; `late`: long ago.",
    {"state": PROBE_STATES},
)
PROBE_RUNS = Metric(
    "broker",
    "probe_runs_total",
    "counter",
    "Probes that this broker made.",
    {"outcome": ("ok", "failed", "skipped")},
)
PROBE_FAILURES = Metric(
    "broker",
    "probe_failures_total",
    "counter",
    "Those of them that failed, by the stage that was not passed; `none`: before the first.",
    {"stage": (*PROBE_STAGES, "none")},
)
PROBE_STAGE_SECONDS = Metric(
    "broker",
    "probe_stage_seconds",
    "histogram",
    "How long the stages of probes took that went well.",
    {"stage": PROBE_STAGES},
    LAUNCH,
)
STREAM_ECHO_SECONDS = Metric(
    "broker",
    "stream_echo_seconds",
    "histogram",
    "From key press to pixel, 95 of 100, as visible views of hosts connected here report each 10 s.",
    {},
    ECHO,
)
STREAM_ROUND_TRIP_SECONDS = Metric(
    "broker",
    "stream_round_trip_seconds",
    "histogram",
    "From sending a frame until it was acknowledged, of visible views each 10 s.",
    {},
    ECHO,
)
STREAM_LIMITS = Metric(
    "broker",
    "stream_reports_total",
    "counter",
    "Reports of visible views, each 10 s, by what holds them up most.",
    {"limit": LIMITS},
)
API_SECONDS = Metric(
    "broker",
    "api_request_seconds",
    "histogram",
    "Requests of the API, event streams left out.",
    {"route": Routes, "status": _STATUSES},
    REQUEST,
)

# gateway

CONNECTIONS = Metric(
    "gateway", "connections", "gauge", "Open connections.", {"listener": ("public", "inner")}
)
CONNECTIONS_REFUSED = Metric(
    "gateway",
    "connections_refused_total",
    "counter",
    "Connections that found no place.",
    {"listener": ("public", "inner"), "reason": ("full", "client_full")},
)
STREAMS = Metric("gateway", "streams", "gauge", "Streams that are spliced now.")
STREAMS_ADMITTED = Metric("gateway", "streams_admitted_total", "counter", "Streams that were admitted.")
STREAMS_REFUSED = Metric(
    "gateway",
    "streams_refused_total",
    "counter",
    "Streams that were refused, by reason code.",
    {"code": STREAM_REFUSALS},
)
STREAM_BYTES = Metric(
    "gateway",
    "stream_bytes_total",
    "counter",
    "Bytes that were spliced.",
    {"direction": ("to_browser", "to_worker")},
)
SPLICE_BUFFER = Metric(
    "gateway", "splice_buffer_bytes", "gauge", "Bytes that wait in the splices' write buffers."
)
DIAL_SECONDS = Metric(
    "gateway",
    "worker_dial_seconds",
    "histogram",
    "From asking a host until its worker had dialled, of streams that were admitted.",
    {},
    REQUEST,
)
LINKS = Metric("gateway", "standing_links", "gauge", "Hosts that hold a standing link to this gateway.")
REGISTERED = Metric(
    "gateway", "registered", "gauge", "1 while a broker has registered this gateway lately, else 0."
)

# agent

AGENT_SESSIONS = Metric("agent", "sessions", "gauge", "Sessions on this host.", {"state": STATES})
AGENT_LAUNCHES = Metric(
    "agent",
    "launches_total",
    "counter",
    "Sessions that this host was told to start, by how that came out.",
    {"outcome": ("ready", *LAUNCH_FAILED, "logged_off")},
)
AGENT_STAGE_SECONDS = Metric(
    "agent",
    "launch_stage_seconds",
    "histogram",
    "From the order to start a session until it was at this stage.",
    {"stage": STAGES[1:]},
    LAUNCH,
)
ADOPTED = Metric(
    "agent", "leaders_adopted_total", "counter", "Sessions that this agent found running at its start."
)
WORKER_CPU = Metric(
    "agent", "workers_cpu_seconds", "gauge", "CPU time that the living workers have used, together."
)
WORKER_MEMORY = Metric(
    "agent", "workers_resident_bytes", "gauge", "Resident memory of the living workers, together."
)
GROUPING = Metric(
    "agent",
    "grouping",
    "gauge",
    "1 for the way in which this host bounds a session; `rlimits` and `none` do not bound its memory as a whole.",
    {"backend": ("scope", "cgroup1", "rlimits", "none")},
)
WORKERS = Metric("agent", "workers", "gauge", "Living workers.")
WARM_SESSIONS = Metric("agent", "warm_sessions", "gauge", "Sessions that are prepared ahead of need.")
WARM_MEMORY = Metric(
    "agent",
    "warm_sessions_bytes",
    "gauge",
    "Memory of the sessions that are prepared ahead, as it was when they became ready.",
)
CHANNEL_OPENED = Metric(
    "agent",
    "control_channels_opened_total",
    "counter",
    "Control channels that stood; more than one: it was lost.",
)
CHANNEL_UP = Metric(
    "agent", "control_channel_up", "gauge", "1 while the control channel to a broker stands, else 0."
)
AGENT_LINKS = Metric(
    "agent", "standing_links", "gauge", "Links to the gateways of the site.", {"state": ("up", "down")}
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))


def page() -> str:
    """docs/metrics.md."""
    lines = [_HEAD]
    for part in get_args(Part):
        lines += [
            f"\n## {part.capitalize()}\n",
            "| metric | kind | labels | what |",
            "| --- | --- | --- | --- |",
        ]
        lines += [_row(metric) for metric in METRICS if metric.part == part]
    return "\n".join(lines) + "\n" + _FOOT


def _row(metric: Metric) -> str:
    labels = "; ".join(
        f"`{name}`: "
        + (
            ", ".join(f"`{value}`" for value in allowed)
            if isinstance(allowed, tuple)
            else "route templates of api.md"
        )
        for name, allowed in metric.labels.items()
    )
    return f"| `{metric.full_name}` | {metric.kind} | {labels} | {metric.help} |"


_HEAD = """\
<!-- Made by `python -m portcullis.metrics > docs/metrics.md`: edit portcullis/metrics.py. -->

# Metrics, liveness and readiness

Broker, gateway and agent each offer, on a listener of their own (`--metrics HOST:PORT`; without it there is none):

| path | answer |
| --- | --- |
| `/metrics` | all that is listed here, as text for Prometheus (exposition format 0.0.4) |
| `/healthz` | 200 `{"status": "ok"}`: the process lives and its event loop turns |
| `/readyz` | 200 when the part may be given work, else 503 `{"status": "unavailable", "reasons": [...]}` |

Ready means, of a *broker*: its snapshot is loaded and follows the grid, and the grid has taken a write within 20 s (it
is asked for one every 5 s); of a *gateway*: a broker has registered it within 15 s; of an *agent*: its control channel
to a broker stands.

The listener speaks plain http and asks nobody who they are. It is therefore for loopback alone, where a collector of
this machine reads it. To bind any other address one has to say so (`--metrics-exposed yes`), and then has to keep
strangers away from the port. What it tells is numbers: no name of a user, session, host or application. Pages in a
browser are refused.

    deploy/quickstart.sh --status                      the listeners of this instance
    curl -s http://127.0.0.1:PORT/metrics

A value of a label that is not listed is counted as `other`. Counters start at 0 with the process; times are in seconds.
Beside these, each process shows `portcullis_build_info{part, version}` and `process_*`: CPU seconds, resident and
virtual memory, open and allowed file descriptors, start time."""

_FOOT = """
## What to watch

- `portcullis_broker_hosts{state="offline"} > 0`, `portcullis_broker_slots{state="free"} == 0`: users are about to be
  refused.
- `rate(portcullis_broker_launches_total{outcome!~"ready|reconnected|logged_off"}[5m])`: launches that come to nothing;
  each outcome is a code of [troubleshooting.md](troubleshooting.md).
- `histogram_quantile(0.95, rate(portcullis_broker_launch_stage_seconds_bucket{stage="ready"}[5m]))`: how long users
  wait.
- `portcullis_broker_probes{state="failed"} > 0`, `portcullis_broker_probes{state="late"} > 0`: an application does not
  start, before a user says so; `portcullis_broker_probe_failures_total` says in which stage. What works, how fast:
  `histogram_quantile(0.95, rate(portcullis_broker_probe_stage_seconds_bucket{stage="first_frame"}[1h]))`.
- `rate(portcullis_broker_grid_transaction_seconds_count{outcome="unavailable"}[5m]) > 0`: the disk of the grid.
- `rate(portcullis_gateway_streams_refused_total[5m])`, by code.
- `histogram_quantile(0.95, rate(portcullis_broker_stream_echo_seconds_bucket[5m]))`: how long users wait for their
  letters; `rate(portcullis_broker_stream_reports_total{limit="host"}[5m])`: hosts that are too busy.
- `portcullis_gateway_splice_buffer_bytes`: readers that are slower than their applications.
- `rate(portcullis_agent_control_channels_opened_total[15m])`: a host whose network flaps.
"""

if __name__ == "__main__":
    sys.stdout.write(page())
