"""The commands of the three services, as this instance runs them.

As whom they run is the place's (place.py): broker and gateway give up root; the agent needs it for its leaders, or runs
without it.
Each part gets SIGTERM when its supervisor dies, so that no part outlives it and holds a port. Sessions do: their
leaders are no children of the supervisor.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from portcullis.quickstart.instance import Instance, Role

SLOTS = 20
TENANT = "demo"
FIRST_UNPRIVILEGED_PORT = 1024
PARTS: dict[Role, tuple[str, ...]] = {
    "site": ("broker", "gateway", "agent"),
    "host": ("agent",),
    "gateway": ("gateway",),
}
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/nonexistent",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    command: tuple[str, ...]


def parts(instance: Instance) -> tuple[Part, ...]:
    """In the order in which they start; they stop in reverse."""
    made = {"broker": broker, "gateway": gateway, "agent": agent}
    return tuple(made[name](instance) for name in PARTS[instance.role])


def broker(instance: Instance) -> Part:
    arguments = (
        "serve",
        "--state",
        state_of(instance, "broker"),
        "--listen",
        instance.inner(instance.ports.broker),
        *_metrics(instance, "broker"),
    )
    return Part("broker", ("setpriv", "--pdeathsig", "TERM", *as_service(instance, "broker", *arguments)))


def gateway(instance: Instance) -> Part:
    arguments = (
        *("serve", "--state", state_of(instance, "gateway")),
        *("--listen", instance.public_address),
        *("--inner-listen", instance.inner(instance.ports.gateway_inner)),
        *_given_certificate(instance),
        *_metrics(instance, "gateway"),
    )
    privileges = instance.place.as_listener if _is_low(instance) else instance.place.as_service
    serve = (*privileges, command(instance, "gateway"), *arguments)
    return Part("gateway", ("setpriv", "--pdeathsig", "TERM", *serve))


def _given_certificate(instance: Instance) -> tuple[str, ...]:
    if instance.network is None or not instance.network.certificate:
        return ()
    copy = str(instance.given_certificate)
    return ("--certificate", copy, "--key", copy)


def _metrics(instance: Instance, part: str) -> tuple[str, ...]:
    """On loopback, wherever the rest listens."""
    port = instance.ports.metrics(part)
    return ("--metrics", f"127.0.0.1:{port}") if port else ()


def _is_low(instance: Instance) -> bool:
    return instance.network is not None and instance.network.port < FIRST_UNPRIVILEGED_PORT


def agent(instance: Instance) -> Part:
    arguments = (
        *("serve", "--state", state_of(instance, "agent")),
        *("--runtime", str(instance.runtime)),
        *("--homes", str(instance.homes)),
        *instance.place.of_agent,
        *_metrics(instance, "agent"),
        *_own_settings(instance, "agent"),
    )
    return Part("agent", ("setpriv", "--pdeathsig", "TERM", command(instance, "agent"), *arguments))


def _own_settings(instance: Instance, part: str) -> tuple[str, ...]:
    """What this machine's administrator wrote there holds from the next start of the part, below the command line."""
    file = instance.state / part / "settings.yaml"
    return ("--config", str(file)) if file.exists() else ()


def init(instance: Instance, secrets_file: Path) -> tuple[str, ...]:
    arguments = (
        *("init", "--state", state_of(instance, "broker")),
        *("--site", "quickstart", "--tenant", TENANT, "--administrator", "admin", "--user", "demo"),
        *("--public-origin", instance.url),
        *("--secrets-file", str(secrets_file)),
    )
    return ("setpriv", *as_service(instance, "broker", *arguments))


def gateway_token(instance: Instance, name: str, secrets_file: Path) -> tuple[str, ...]:
    """A right to enrol the gateway of that name anew, made without a broker."""
    arguments = (
        *("init", "--tokens", "--state", state_of(instance, "broker"), "--tenant", TENANT),
        *("--gateway", name, "--secrets-file", str(secrets_file)),
    )
    return ("setpriv", *as_service(instance, "broker", *arguments))


def join_gateway(
    instance: Instance, token_file: Path, name: str, state: Path, broker: str | None = None
) -> tuple[str, ...]:
    """`broker`: of a site elsewhere."""
    arguments = (
        *("join", "--state", str(state)),
        *("--broker", broker or instance.inner(instance.ports.broker)),
        *("--token-file", str(token_file), "--name", name),
        *("--inner-address", instance.inner(instance.ports.gateway_inner)),
        *("--public-origin", instance.url),
    )
    return ("setpriv", *as_service(instance, "gateway", *arguments))


def join_host(
    instance: Instance, token_file: Path, name: str, broker: str | None = None, slots: int = SLOTS
) -> tuple[str, ...]:
    """`broker`: of a site elsewhere."""
    return (
        command(instance, "agent"),
        *("join", "--state", state_of(instance, "agent")),
        *("--broker", broker or instance.inner(instance.ports.broker)),
        *("--token-file", str(token_file), "--name", name, "--slots", str(slots)),
    )


def end_sessions(instance: Instance) -> tuple[str, ...]:
    return (command(instance, "agent"), "end-sessions", "--runtime", str(instance.runtime))


def removals(instance: Instance) -> list[tuple[str, ...]]:
    """What the agent has to remove in the end: the accounts of sessions."""
    prefix = instance.place.account_prefix
    return [(command(instance, "agent"), "remove-accounts", "--account-prefix", prefix)] if prefix else []


def state_of(instance: Instance, part: str) -> str:
    return str(instance.state / part)


def command(instance: Instance, service: str) -> str:
    return str(instance.release / f"bin/portcullis-{service}")


def as_service(instance: Instance, service: str, *arguments: str) -> tuple[str, ...]:
    """Options of setpriv and the command that it runs."""
    return (*instance.place.as_service, command(instance, service), *arguments)
