"""What a host gets to sign in to an RDP server: for a session that was placed on it and starts there, and for no other.

They come out of the user's vault, out of this broker's memory, or out of that of the broker which took the launch.
"""

from __future__ import annotations

import json
import logging

from broker.credentials.memory import LaunchCredentials
from broker.credentials.vault import Vault
from broker.hosts.questions import AskPeer
from broker.repositories.sessions import Sessions
from portcullis.errors import PortcullisError, ProtocolError
from portcullis.logs import ids
from portcullis.model.rdp import Credentials, Entered
from portcullis.model.session import Session
from portcullis.protocol.credentials import CredentialsWanted, GivenCredentials
from portcullis.protocol.fields import Fields

log = logging.getLogger(__name__)

PATH = "/inner/v1/credentials"
MAXIMUM_BYTES = 16 * 1024
_LOST = "credentials_lost"
_STARTING = frozenset({"pending", "starting"})


class GivesCredentials:
    def __init__(
        self,
        sessions: Sessions,
        vault: Vault,
        memory: LaunchCredentials,
        broker_id: str,
        ask_peer: AskPeer,
    ) -> None:
        self._sessions = sessions
        self._vault = vault
        self._memory = memory
        self._broker_id = broker_id
        self._ask_peer = ask_peer

    async def give(self, host_id: str, wanted: CredentialsWanted) -> GivenCredentials:
        """To the host whose channel is here."""
        session = self._sessions.get(wanted.tenant, wanted.session)
        if session is None or session.host_id != host_id or session.state not in _STARTING:
            log.warning("credentials are not given", extra=ids(host=host_id, session=wanted.session))
            return GivenCredentials(wanted.session, code=_LOST)
        try:
            credentials = await self._credentials(session)
        except PortcullisError as exc:
            log.warning("credentials cannot be had: %s", exc.code, extra=ids(session=session.id))
            credentials = None
        code = "" if credentials else _LOST
        return GivenCredentials(session.id, credentials, code)

    async def answer(self, body: bytes) -> bytes:
        """To another broker, of a launch that this one took. Raises ProtocolError."""
        entered = self._memory.take(Fields.parse(body, MAXIMUM_BYTES).id("session"))
        said = {} if entered is None else {"user_name": entered.user_name, "password": entered.password}
        return json.dumps({"entered": said or None}).encode()

    async def _credentials(self, session: Session) -> Credentials | None:
        target = session.rdp
        if target is None:
            return None
        entered = await self._entered(session)
        if entered is None:
            return None
        name = target.user_name_of(session.user_name) or entered.user_name
        return Credentials(name, target.domain, entered.password) if name else None

    async def _entered(self, session: Session) -> Entered | None:
        if not session.credentials_at:
            assert session.rdp is not None
            return await self._vault.get(
                session.tenant_id, session.user_id, session.application_id, session.rdp
            )
        if session.credentials_at == self._broker_id:
            return self._memory.take(session.id)
        body = json.dumps({"session": session.id}).encode()
        said = await self._ask_peer(session.credentials_at, PATH, body)
        return None if said is None else _read(said)


def _read(said: bytes) -> Entered | None:
    fields = Fields.parse(said, MAXIMUM_BYTES)
    if not fields.holds("entered"):
        return None
    entered = fields.inner("entered")
    try:
        return Entered(entered.text("user_name", 256), entered.text("password", 256))
    except ProtocolError:
        return None
