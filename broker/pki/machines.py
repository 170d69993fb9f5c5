"""Hosts and gateways get their certificates here, and get them renewed.

*Enrolling* spends a join token in the transaction that writes the machine's record. A name is unique among
machines of its role; a machine that exists is enrolled again, under its id and with a new generation, only by
a token that names it.

*Renewing* is decided by the old key's signature, not by the connection: the certificate may have expired up
to 30 days ago, must be of the newest generation, and the record not revoked. The new key must differ. Each
renewal raises the generation by a transaction, so of two machines with one key (a clone) only one goes on;
the other's refusal is logged. A machine that did not see the answer asks again with the same new key and is
answered again. A certificate of ours whose generation is above the record's is of a time that a restored grid
does not know of: it is the newest.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from broker.grid.keys import SITE
from broker.grid.scopes import Condition, Record, SealedOperation, Stores
from broker.live_brokers import LiveBrokers
from broker.pki.authority import Authority
from broker.pki.certificates import identity_of
from broker.pki.claims import Enrolment, RenewalRequest, parse_enrolment, parse_renewal
from broker.repositories.committing import commit
from broker.repositories.gateways import Gateways
from broker.repositories.join_tokens import JoinTokens
from broker.repositories.keys import GrantKeys
from broker.snapshot import Snapshot
from portcullis.authorities import public_key_hash
from portcullis.enrolment.renewal import renewal_message
from portcullis.errors import InvalidInput, Refused, Unavailable
from portcullis.ids import name_hash, new_id
from portcullis.logs import ids
from portcullis.model.host import Gateway, Host, JoinToken, MachineRole
from portcullis.site_tls import MachineIdentity

log = logging.getLogger(__name__)

RENEWABLE_AFTER_EXPIRY_SECONDS = 30 * 24 * 3600
ATTEMPTS = 4

Machine = Host | Gateway


class Machines:
    def __init__(self, stores: Stores, snapshot: Snapshot, authority: Authority) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._authority = authority
        self._join_tokens = JoinTokens(stores, snapshot)
        self._grant_keys = GrantKeys(snapshot)
        self._gateways = Gateways(stores, snapshot)

    @property
    def site_id(self) -> str:
        return self._authority.site.id

    def directory(self) -> dict[str, Any]:
        """What every machine is told of its site: `site`, `grant_keys`, `brokers`, `public_origins` (docs/api.md)."""
        site = self._authority.site
        return {
            "site": {"id": site.id, "name": site.name},
            "grant_keys": self._grant_keys.verifying(),
            "brokers": LiveBrokers(self._snapshot).addresses(),
            "public_origins": sorted(self._gateways.listed_origins()),
        }

    def admit(self, identity: MachineIdentity | None, role: MachineRole) -> Machine:
        """The record of a peer that showed its certificate. Raises Refused("certificate_refused").

        A certificate before the newest is good until the machine has shown the newest one: its renewal may be in
        flight. An older one is a clone's.
        """
        if identity is None or identity.role != role or identity.site_id != self._authority.site.id:
            raise Refused("certificate_refused")
        record = self._snapshot.get(SITE, (role, identity.id))
        machine = None if record is None else _machine(role, record)
        if machine is None or machine.revoked or identity.generation < machine.generation - 1:
            log.warning(
                "a machine is refused", extra=ids(machine=identity.uri, generation=identity.generation)
            )
            raise Refused("certificate_refused")
        return machine

    async def enrol(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`POST /inner/v1/enrol`: the answer to this body. Raises InvalidInput, Unavailable;
        Refused: join_refused, join_role, already_exists."""
        request = parse_enrolment(body)
        if request.token.secret.scope != self._authority.site.id:
            raise Refused("join_refused")
        for _ in range(ATTEMPTS):
            machine = await self._try_to_enrol(request)
            if machine is not None:
                log.info("enrolled", extra=ids(role=_role(machine), machine=machine.id, name=machine.name))
                return self._answer(machine, request.public_key)
        raise Unavailable()

    async def renew(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`POST /inner/v1/renew`: the answer to this body. Raises InvalidInput, Unavailable;
        Refused("certificate_refused")."""
        request = parse_renewal(body)
        identity = self._proven_identity(request)
        for _ in range(ATTEMPTS):
            machine = await self._try_to_renew(identity, request)
            if machine is not None:
                return self._answer(machine, request.public_key)
        raise Unavailable()

    async def _try_to_enrol(self, request: Enrolment) -> Machine | None:
        """The machine as it was written, or None when something changed meanwhile."""
        found = await self._join_tokens.find(request.token.secret)
        if found is None:
            raise Refused("join_refused")
        token_record, token = found
        if request.role not in (None, token.role):
            raise Refused("join_role", f"The join token is for a {token.role}. It is not used up.")
        if token.name is not None and name_hash(token.name) != name_hash(request.name):
            raise Refused("join_refused")
        existing = await self._existing(token, request.name)
        known = None if existing is None else _machine(token.role, existing)
        machine = replace(_enrolled(token, request, known), issuer=self._authority.signing_pin)
        site = self._stores.site
        index = (f"{token.role}-name", name_hash(machine.name))
        conditions = [site.unchanged(token_record)]
        operations = [site.delete(token_record.path), *self._writes(machine)]
        if existing is None:
            conditions.append(site.absent(index))
            operations.append(site.put(index, {"id": machine.id}))
        else:
            conditions.append(site.unchanged(existing))
        return await self._written(machine, operations, conditions)

    async def _existing(self, token: JoinToken, name: str) -> Record | None:
        site = self._stores.site
        index = await site.get((f"{token.role}-name", name_hash(name)))
        if index is None:
            return None
        if token.name is None:
            raise Refused(
                "already_exists", f"There is a {token.role} of this name: use a token that names it."
            )
        return await site.get((token.role, index.value["id"]))

    def _proven_identity(self, request: RenewalRequest) -> MachineIdentity:
        """Raises Refused unless the certificate was ours, is not too old, and its key signed the request."""
        certificate = request.certificate
        identity = identity_of(certificate)
        now = self._stores.clock.now()
        last = certificate.not_valid_after_utc.timestamp() + RENEWABLE_AFTER_EXPIRY_SECONDS
        if (
            identity is None
            or identity.role == "broker"
            or identity.site_id != self._authority.site.id
            or not self._authority.issued(certificate)
            or not certificate.not_valid_before_utc.timestamp() <= now <= last
            or not _is_signed(request)
        ):
            raise Refused("certificate_refused")
        return identity

    async def _try_to_renew(self, identity: MachineIdentity, request: RenewalRequest) -> Machine | None:
        record = await self._stores.site.get((identity.role, identity.id))
        machine = None if record is None else _machine(identity.role, record)
        old_hash = public_key_hash(request.certificate.public_key())
        new_hash = public_key_hash(request.public_key)
        if new_hash == old_hash:
            raise InvalidInput("csr", "a request for a new key")
        if record is None or machine is None or machine.revoked:
            raise Refused("certificate_refused")
        if (machine.generation, machine.key_hash) == (identity.generation + 1, new_hash):
            return machine
        newest = (machine.generation, machine.key_hash) == (identity.generation, old_hash)
        if not newest and identity.generation <= machine.generation:
            log.warning(
                "a renewal with an old certificate is refused: is the machine cloned?",
                extra=ids(machine=identity.uri, generation=identity.generation, newest=machine.generation),
            )
            raise Refused("certificate_refused")
        renewed = replace(
            machine,
            generation=identity.generation + 1,
            key_hash=new_hash,
            trusts=request.trusts,
            issuer=self._authority.signing_pin,
        )
        return await self._written(renewed, self._writes(renewed), [self._stores.site.unchanged(record)])

    def _writes(self, machine: Machine) -> list[SealedOperation]:
        return [self._stores.site.put((_role(machine), machine.id), machine.to_json(), author="enrolment")]

    async def _written(
        self, machine: Machine, operations: list[SealedOperation], conditions: list[Condition]
    ) -> Machine | None:
        result = await commit(self._stores, *operations, conditions=conditions)
        if not result.succeeded:
            # Either a race was lost, or a first attempt of unknown outcome went through.
            record = await self._stores.site.get((_role(machine), machine.id))
            return machine if record is not None and record.value == machine.to_json() else None
        await self._snapshot.until(result.revision)
        return machine

    def _answer(self, machine: Machine, public_key: ec.EllipticCurvePublicKey) -> dict[str, Any]:
        directory = self.directory()
        role = _role(machine)
        identity = MachineIdentity(
            directory["site"]["id"], role, machine.id, machine.name, machine.generation
        )
        certificate = self._authority.issue(identity, public_key)
        own = {"public_origin": machine.public_origin} if isinstance(machine, Gateway) else {}
        return {
            "id": machine.id,
            "name": machine.name,
            "role": role,
            "certificate": certificate.public_bytes(Encoding.PEM).decode(),
            "ca": self._authority.ca_pem,
            **own,
            **directory,
        }


def _enrolled(token: JoinToken, request: Enrolment, existing: Machine | None) -> Machine:
    """The record to write. Raises InvalidInput when the role's claims are missing."""
    id = existing.id if existing else new_id()
    name = existing.name if existing else request.name
    generation = existing.generation + 2 if existing else 1  # by two: the old certificate is void at once
    key_hash = public_key_hash(request.public_key)
    if token.role == "host":
        draining = isinstance(existing, Host) and existing.draining
        return Host(id, name, request.slots, token.tenants, generation, draining, key_hash=key_hash)
    if request.address is None:
        raise InvalidInput("address", "host:port of the gateway's inner listener")
    if request.public_origin is None:
        raise InvalidInput("public_origin", "the gateway's public origin")
    return Gateway(id, name, request.address, request.public_origin, generation, key_hash=key_hash)


def _machine(role: str, record: Record) -> Machine:
    return Host.from_json(record.value) if role == "host" else Gateway.from_json(record.value)


def _role(machine: Machine) -> MachineRole:
    return "host" if isinstance(machine, Host) else "gateway"


def _is_signed(request: RenewalRequest) -> bool:
    key = request.certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(request.signature, renewal_message(request.csr), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
