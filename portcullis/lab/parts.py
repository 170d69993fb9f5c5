"""The commands of the lab's parts. Privileges as in a quickstart: brokers, gateways and members give up root, agents
need it for their sessions."""

from __future__ import annotations

from pathlib import Path

from portcullis.lab import certificates, etcd_member, layout
from portcullis.lab.etcd_member import Member, Tls
from portcullis.lab.layout import Lab
from portcullis.quickstart.parts import Part

SITE, TENANT, ADMINISTRATOR, USER = "lab", "demo", "admin", "demo"
SLOTS = 20
_ENDS_WITH_SUPERVISOR = ("setpriv", "--pdeathsig", "TERM")


def parts(lab: Lab) -> tuple[Part, ...]:
    """In the order in which they start; they stop in reverse."""
    made = {"etcd": etcd, "broker": broker, "gateway": gateway, "agent": agent}
    return (links(lab), *(made[layout.kind_of(name)](lab, name) for name in lab.services))


def links(lab: Lab) -> Part:
    python = str(lab.release / "bin/python")
    words = (python, "-I", "-m", "portcullis.lab.links", "--clone", str(lab.clone))
    return Part(layout.LINKS, (*_ENDS_WITH_SUPERVISOR, *words))


def member(lab: Lab, name: str) -> Member:
    folder = lab.certificates
    return Member(
        name,
        lab.state / name,
        client_listen=lab.behind(f"{name}.client"),
        client=lab.address(f"{name}.client"),
        peer_listen=lab.behind(f"{name}.peer"),
        peer=lab.address(f"{name}.peer"),
        metrics=metrics(lab, name),
        tls=Tls(
            folder / "ca.pem",
            folder / f"{certificates.MEMBER}.pem",
            folder / f"{certificates.MEMBER}.key",
        ),
    )


def etcd(lab: Lab, name: str) -> Part:
    cluster = [member(lab, each) for each in lab.members]
    arguments = etcd_member.arguments(member(lab, name), cluster, token=lab.place.key)
    return Part(name, (*_ENDS_WITH_SUPERVISOR, *lab.place.as_service, lab.etcd, *arguments))


def grid(lab: Lab) -> tuple[str, ...]:
    """How a broker, or a command of it, is told of the grid."""
    if not lab.members:
        return ()
    addresses = ",".join(lab.address(f"{name}.client") for name in lab.members)
    folder = lab.certificates
    return (
        *("--grid", f"etcds://{addresses}"),
        *("--grid-ca", str(folder / "ca.pem")),
        *("--grid-cert", str(folder / f"{certificates.CLIENT}.pem")),
        *("--grid-key", str(folder / f"{certificates.CLIENT}.key")),
    )


def broker(lab: Lab, name: str) -> Part:
    arguments = (
        *("serve", "--state", str(lab.state / name), "--name", name),
        *("--listen", lab.behind(f"{name}.inner"), "--address", lab.address(f"{name}.inner")),
        *("--metrics", metrics(lab, name)),
        *grid(lab),
    )
    return Part(name, (*_ENDS_WITH_SUPERVISOR, *as_service(lab, "broker", *arguments)))


def gateway(lab: Lab, name: str) -> Part:
    arguments = (
        *("serve", "--state", str(lab.state / name)),
        *("--listen", lab.behind(f"{name}.public"), "--inner-listen", lab.behind(f"{name}.inner")),
        *("--metrics", metrics(lab, name)),
    )
    return Part(name, (*_ENDS_WITH_SUPERVISOR, *as_service(lab, "gateway", *arguments)))


def agent(lab: Lab, name: str) -> Part:
    arguments = (
        *("serve", "--state", str(lab.state / name), "--runtime", str(lab.runtime(name))),
        *("--homes", str(lab.homes(name)), "--account-prefix", lab.account_prefixes[name]),
        *("--metrics", metrics(lab, name)),
    )
    return Part(name, (*_ENDS_WITH_SUPERVISOR, command(lab, "agent"), *arguments))


def init(lab: Lab, secrets_file: Path) -> tuple[str, ...]:
    arguments = (
        *("init", "--state", str(lab.state / lab.brokers[0]), *grid(lab)),
        *("--site", SITE, "--tenant", TENANT, "--administrator", ADMINISTRATOR, "--user", USER),
        *("--public-origin", lab.urls[0], "--secrets-file", str(secrets_file)),
    )
    return ("setpriv", *as_service(lab, "broker", *arguments))


def tokens(lab: Lab, secrets_file: Path) -> tuple[str, ...]:
    """Another join token for a gateway and a host each."""
    arguments = (
        *("init", "--tokens", "--state", str(lab.state / lab.brokers[0]), *grid(lab)),
        *("--tenant", TENANT, "--secrets-file", str(secrets_file)),
    )
    return ("setpriv", *as_service(lab, "broker", *arguments))


def join_gateway(lab: Lab, name: str, token_file: Path) -> tuple[str, ...]:
    url = lab.urls[lab.gateways.index(name)]
    arguments = (
        *("join", "--state", str(lab.state / name), "--broker", lab.address(f"{lab.brokers[0]}.inner")),
        *("--token-file", str(token_file), "--name", name),
        *("--inner-address", lab.address(f"{name}.inner"), "--public-origin", url),
    )
    return ("setpriv", *as_service(lab, "gateway", *arguments))


def join_host(lab: Lab, name: str, token_file: Path) -> tuple[str, ...]:
    return (
        *(command(lab, "agent"), "join", "--state", str(lab.state / name)),
        *("--broker", lab.address(f"{lab.brokers[0]}.inner"), "--token-file", str(token_file)),
        *("--name", host_of(name), "--slots", str(SLOTS)),
    )


def end_sessions(lab: Lab, name: str) -> tuple[str, ...]:
    return (command(lab, "agent"), "end-sessions", "--runtime", str(lab.runtime(name)))


def remove_accounts(lab: Lab, name: str) -> tuple[str, ...]:
    prefix = lab.account_prefixes[name]
    return (command(lab, "agent"), "remove-accounts", "--account-prefix", prefix)


def host_of(agent: str) -> str:
    """What the host of an agent is called."""
    return agent.replace("agent", "host")


def metrics(lab: Lab, name: str) -> str:
    return f"127.0.0.1:{lab.ports[f'{name}.metrics']}"


def command(lab: Lab, service: str) -> str:
    return str(lab.release / f"bin/portcullis-{service}")


def as_service(lab: Lab, service: str, *arguments: str) -> tuple[str, ...]:
    return (*lab.place.as_service, command(lab, service), *arguments)
