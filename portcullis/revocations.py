"""Revocations: what brokers sign to take grants back before they end. Pure: texts in, verdicts out.

A grant is verified offline, so taking one back needs a word that is verified offline, too:

    revocation.v1.<kid>.<base64url payload>.<base64url Ed25519 signature>

signed by the site's grant key over `portcullis-revocation.v1 0x00 <kid> 0x00 <payload bytes>`. Gateways, agents,
workers and brokers hold a `RevocationBook` each: by whichever way a text arrives first, it acts there.

| kind | refuses the grants |
| --- | --- |
| `login` | of this login, whenever they were issued: a login that is over never comes back |
| `user` | of this user that were issued until then |
| `session` | of this session; its host also ends it. Everything else leaves applications alone |
| `sessions` | of these sessions of the host `id`, issued until then; with `channels` they keep these instead |
| `everything` | all that were issued until then, but those of the key that `id` names (the panic's new one) |

`login` and `user` may name a `session`: then only its connections are meant (an entitlement was withdrawn), and only
those until then. A rule that changes for thousands at once speaks by `sessions`: one word for as many as fit into it,
told to their host alone. `issued` is compared across the clocks of brokers; where these differ the exact kinds decide:
an act on a user revokes each of its logins as well.
"""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from portcullis.clock import Clock
from portcullis.errors import CODES, Refused
from portcullis.ids import is_id
from portcullis.tickets import GRANT_LIFETIME_SECONDS, Grant, from_base64url, to_base64url

Kind = Literal["login", "user", "session", "everything", "sessions"]
KINDS: frozenset[str] = frozenset(get_args(Kind))

MAXIMUM_REVOCATION_BYTES = 1024
MAXIMUM_FIELD_CHARACTERS = 64
REMEMBERED_SECONDS = GRANT_LIFETIME_SECONDS + 60.0
"""Every grant that it could refuse has ended by then."""
MAXIMUM_REMEMBERED = 100_000
SESSIONS_OF_A_WORD = 28
"""So many ids fit into MAXIMUM_REVOCATION_BYTES beside everything else."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A login as a whole: what grants are issued to."""

    tenant: str
    user: str
    login: str
    began: float
    epoch: int


@dataclass(frozen=True, slots=True)
class Revocation:
    """`code`: what a connection that is closed by it is told. `id`: of a login (its hash), user, session or host, or a
    kid.
    """

    kind: Kind
    tenant: str
    id: str
    issued: float
    code: str
    session: str = ""
    epoch: int = 0
    """Of `everything`: visits that began under this epoch of the site or an earlier one are over."""
    sessions: tuple[str, ...] = ()
    """Of `sessions`: their ids."""
    channels: frozenset[str] | None = None
    """Of `sessions`: what their grants keep; None: they are refused."""

    def to_json(self) -> dict[str, Any]:
        more: dict[str, Any] = {"session": self.session} if self.session else {}
        if self.epoch:
            more["epoch"] = self.epoch
        if self.sessions:
            more["sessions"] = " ".join(self.sessions)
        if self.channels is not None:
            more["channels"] = sorted(self.channels)
        return {
            "kind": self.kind,
            "tenant": self.tenant,
            "id": self.id,
            "issued": self.issued,
            "code": self.code,
            **more,
        }

    def refuses(self, grant: Grant) -> bool:
        if self.session and self.session != grant.session:
            return False
        is_older = grant.issued <= self.issued
        if self.kind == "everything":
            return is_older and grant.kid != self.id
        if self.tenant != grant.tenant:
            return False
        match self.kind:
            case "login":
                return self.id == grant.login and (is_older or not self.session)
            case "user":
                return self.id == grant.user and is_older
            case "session":
                return self.id == grant.session
            case "sessions":
                return self.channels is None and self._is_of(grant)

    def narrows(self, grant: Grant) -> bool:
        return self.channels is not None and self.tenant == grant.tenant and self._is_of(grant)

    def _is_of(self, grant: Grant) -> bool:
        is_there = self.id == grant.host and grant.session in self.sessions
        return is_there and grant.issued <= self.issued

    def refuses_visit(self, visit: Visit) -> bool:
        if self.session or self.kind in ("session", "sessions"):
            return False
        if self.kind == "everything":
            return visit.epoch <= self.epoch
        if self.tenant != visit.tenant:
            return False
        if self.kind == "login":
            return self.id == visit.login
        return self.id == visit.user and visit.began <= self.issued


def sign_revocation(revocation: Revocation, kid: str, key: Ed25519PrivateKey) -> str:
    payload = json.dumps(revocation.to_json(), separators=(",", ":")).encode()
    return f"revocation.v1.{kid}.{to_base64url(payload)}.{to_base64url(key.sign(_signed(kid, payload)))}"


def verify_revocation(text: str, keys: Mapping[str, Ed25519PublicKey]) -> Revocation:
    """Raises Refused("revocation_refused") unless a known key signed it and it says something."""
    try:
        if len(text) > MAXIMUM_REVOCATION_BYTES:
            raise ValueError("too long")
        name, version, kid, payload_text, signature_text = text.split(".")
        if (name, version) != ("revocation", "v1"):
            raise ValueError("not a revocation")
        payload = from_base64url(payload_text)
        keys[kid].verify(from_base64url(signature_text), _signed(kid, payload))
        return _parse(json.loads(payload))
    except (ValueError, KeyError, TypeError, OverflowError, InvalidSignature, RecursionError) as exc:
        raise Refused("revocation_refused") from exc


class RevocationBook:
    """What has been revoked lately, as far as it was heard here. `keys`: those of the site at the moment."""

    def __init__(self, keys: Callable[[], Mapping[str, Ed25519PublicKey]], clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._texts: OrderedDict[str, tuple[float, Revocation]] = OrderedDict()  # with the time of arrival
        self._by_place: dict[tuple[str, str, str], dict[str, Revocation]] = {}

    def add(self, text: str) -> Revocation | None:
        """The revocation if it is news, None if it is known. Raises Refused("revocation_refused")."""
        self._forget()
        if text in self._texts:
            return None
        revocation = verify_revocation(text, self._keys())
        self._keep(text, revocation)
        return revocation

    def add_own(self, text: str, revocation: Revocation) -> None:
        """One that was signed here a moment ago."""
        self._keep(text, revocation)

    def _keep(self, text: str, revocation: Revocation) -> None:
        self._texts[text] = (self._clock.monotonic(), revocation)
        self._by_place.setdefault(_place(revocation), {})[text] = revocation
        while len(self._texts) > MAXIMUM_REMEMBERED:
            self._drop(next(iter(self._texts)))

    def refuses(self, grant: Grant) -> str | None:
        """The reason code, if the grant was revoked."""
        places = (
            ("login", grant.tenant, grant.login),
            ("user", grant.tenant, grant.user),
            ("session", grant.tenant, grant.session),
            ("sessions", grant.tenant, grant.host),
            _EVERYTHING,
        )
        return self._code(places, lambda revocation: revocation.refuses(grant))

    def allowed(self, grant: Grant) -> frozenset[str]:
        """Those of its channels that were not taken away since."""
        channels = grant.channels
        for revocation in self._by_place.get(("sessions", grant.tenant, grant.host), {}).values():
            if revocation.channels is not None and revocation.narrows(grant):
                channels &= revocation.channels
        return channels

    def refuses_visit(self, visit: Visit) -> str | None:
        """The same for a visit as a whole: no grant is to be issued to it, and nothing else done for it."""
        places = (("login", visit.tenant, visit.login), ("user", visit.tenant, visit.user), _EVERYTHING)
        return self._code(places, lambda revocation: revocation.refuses_visit(visit))

    def living(self) -> list[str]:
        """In the order of their arrival."""
        self._forget()
        return list(self._texts)

    def word(self, text: str) -> Revocation | None:
        """What it says, if it is in force."""
        found = self._texts.get(text)
        return found and found[1]

    def words(self) -> list[tuple[str, Revocation]]:
        """What `living` answers, with what each text says."""
        self._forget()
        return [(text, revocation) for text, (_, revocation) in self._texts.items()]

    def _code(
        self, places: tuple[tuple[str, str, str], ...], applies: Callable[[Revocation], bool]
    ) -> str | None:
        self._forget()
        for place in places:
            for revocation in self._by_place.get(place, {}).values():
                if applies(revocation):
                    return known_code(revocation.code)
        return None

    def _forget(self) -> None:
        oldest = self._clock.monotonic() - REMEMBERED_SECONDS
        while self._texts:
            text, (arrived, _) = next(iter(self._texts.items()))
            if arrived >= oldest:
                return
            self._drop(text)

    def _drop(self, text: str) -> None:
        _, revocation = self._texts.pop(text)
        place = _place(revocation)
        there = self._by_place[place]
        del there[text]
        if not there:
            del self._by_place[place]


_EVERYTHING = ("everything", "", "")


def known_code(code: str) -> str:
    """A broker of a later release may give reasons that this one does not know."""
    return code if code in CODES else "signed_out"


def _place(revocation: Revocation) -> tuple[str, str, str]:
    """Words about several sessions lie with their host: a policy may bring one for each of its sessions."""
    if revocation.kind == "everything":
        return _EVERYTHING
    return revocation.kind, revocation.tenant, revocation.id


def _signed(kid: str, payload: bytes) -> bytes:
    return b"portcullis-revocation.v1\0" + kid.encode() + b"\0" + payload


def _parse(data: dict[str, Any]) -> Revocation:
    kind = _text(data["kind"])
    if kind not in KINDS:
        raise ValueError("kind")
    revocation = Revocation(
        kind=cast(Kind, kind),
        tenant=_text(data["tenant"]),
        id=_text(data["id"]),
        issued=_instant(data["issued"]),
        code=_text(data["code"]),
        session=_text(data.get("session", "")),
        epoch=_count(data.get("epoch", 0)),
        sessions=_sessions(data.get("sessions", "")),
        channels=_channels(data.get("channels")),
    )
    if kind == "sessions" and not revocation.sessions:
        raise ValueError("it names no session")
    if kind != "everything" and not (revocation.tenant and revocation.id):
        raise ValueError("it names nobody")
    return revocation


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAXIMUM_FIELD_CHARACTERS:
        raise TypeError("not a text")
    return value


def _sessions(value: object) -> tuple[str, ...]:
    if not isinstance(value, str):
        raise TypeError("not a text")
    names = tuple(dict.fromkeys(value.split()))
    if not all(map(is_id, names)):
        raise ValueError("not an id")
    return names


def _channels(value: object) -> frozenset[str] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise TypeError("not a list")
    return frozenset(map(_text, value))


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError("not a count")
    return value


def _instant(value: object) -> float:
    """NaN, which Python reads from JSON, would refuse nothing."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("not an instant")
    return float(value)
