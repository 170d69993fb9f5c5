"""How a host or gateway becomes a machine of its site.

`join` spends a one-time token. The token carries the hash of the CA's public key: the CA certificate is taken from the
chain that the broker presents, and only after it matched, on a second connection verified against it, is the token
sent.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from portcullis.enrolment.answer import accept
from portcullis.enrolment.asking import pinned_ca, post
from portcullis.enrolment.credentials import Credentials, KeyProtection
from portcullis.enrolment.join_token import parse_join_token
from portcullis.enrolment.keys import certificate_request
from portcullis.errors import InvalidInput
from portcullis.settings import Address
from portcullis.site_tls import SiteClientContext


async def join(
    broker: Address | str,
    token: str,
    name: str,
    state: Path,
    protection: KeyProtection | None = None,
    **claims: str | int,
) -> Credentials:
    """Enrol this machine and write its credentials to `state`. Claims: `role`, `slots`, `address`, `public_origin`.

    Raises InvalidInput for what is malformed; Refused: join_refused, join_role, already_exists, certificate_refused
    (this is not the broker that the token is for); Unavailable("broker_unreachable").
    """
    address = Address.parse(broker) if isinstance(broker, str) else broker
    parsed = parse_join_token(token)
    if parsed is None:
        raise InvalidInput("token", "a join token, whole: join_…")
    ca = await pinned_ca(address, parsed.pin)
    key = ec.generate_private_key(ec.SECP256R1())
    body = {"token": parsed.text, "csr": certificate_request(key), "name": name, **claims}
    context = SiteClientContext(ca, "broker", parsed.secret.scope)
    answer = await post(address, "/inner/v1/enrol", body, context)
    if protection is not None:
        protection.prepare(state)
    return accept(answer, key, state, ca, parsed.secret.scope, (str(address),), protection)
