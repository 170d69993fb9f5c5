"""Attaching as a playbook: who gets in, who is refused with which code, what a resume keeps."""

import secrets
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from broker.pki import certificates
from portcullis.ids import new_id
from portcullis.protocol import messages as m
from portcullis.protocol.worker_channel import (
    Closing,
    Cut,
    Dial,
    DialFailed,
    Fence,
    Gateway,
    GrantKeys,
    Leave,
    Revoke,
    Tell,
)
from portcullis.revocations import Revocation, sign_revocation
from portcullis.tickets import sign_grant, to_base64url
from tests.support.patience import until
from tests.support.stream_client import BrowserKey, StreamClosed
from tests.support.worker_session import worker_session


async def refused(session, grant, key=None, **proof):
    """How the worker closes on somebody who presents this grant."""
    client = await session.dial(grant)
    try:
        await client.attach(grant, key or session.key, session=session.session, e=session.e, **proof)
    except StreamClosed as closed:
        return closed.code, closed.reason
    raise AssertionError("it was let in")


async def test_first_attach_is_welcomed(session):
    client = await session.attach_drawn()
    welcome = await client.receive(m.Welcome)
    assert (welcome.version, welcome.e, welcome.r, welcome.last_input) == (1, 1, 0, 0)
    assert welcome.permissions == m.PERMIT_INPUT | m.PERMIT_CLIPBOARD_IN | m.PERMIT_CLIPBOARD_OUT
    await session.until(lambda: (session.state.connections, session.state.e) == (1, 1))


async def test_who_attaches_before_the_first_window_sees_and_moves_nothing_until_it_is_there(x):
    async with worker_session(x, shown=False) as session:
        client = await session.attach()
        client.send(m.Key(client.next_input(), True, 0, 0, "KeyA", "a"))
        client.send(m.Refresh())
        client.send(m.Ping(1))
        await client.until(lambda: m.Pong(1) in client.messages and client.last_input_applied == 1)
        assert client.frames == 0
        assert (session.state.windows, session.state.connections, session.state.e) == (0, 0, 0)
        x.show_window()
        await session.until(lambda: session.state.windows == 1)
        assert (session.state.connections, session.state.e) == (1, 1)
        await session.until_drawn(client)


@pytest.mark.parametrize(
    "changes",
    [
        {"session": new_id()},
        {"host": new_id()},
        {"tenant": new_id()},
        {"channels": frozenset({"input"})},
        {"expires": time.time() - 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_grant_that_is_not_for_this_session_now_is_refused(session, changes):
    assert await refused(session, session.signed(**changes)) == (4403, "grant_refused")


async def test_grant_by_an_unknown_key_is_refused(session):
    forged = sign_grant(session.grant(), Ed25519PrivateKey.generate())
    assert await refused(session, forged) == (4403, "grant_refused")
    assert await refused(session, session.signed(kid="other")) == (4403, "grant_refused")
    assert await refused(session, "no grant at all") == (4403, "grant_refused")


async def test_another_browser_s_key_is_refused(session):
    assert await refused(session, session.signed(), BrowserKey()) == (4405, "proof_refused")


async def test_proof_for_another_epoch_or_session_is_refused(session):
    grant = session.signed()
    client = await session.dial(grant)
    with pytest.raises(StreamClosed, match="4405 proof_refused"):
        await client.attach(grant, session.key, session=session.session, e=99)
    client = await session.dial(grant)
    with pytest.raises(StreamClosed, match="4405 proof_refused"):
        await client.attach(grant, session.key, session=new_id(), e=session.e)


async def test_version_outside_the_range_is_refused(session):
    assert await refused(session, session.signed(), version=2) == (4404, "version_unsupported")
    assert await refused(session, session.signed(), version=0) == (4404, "version_unsupported")


async def test_anything_but_a_proof_is_refused_before_welcome(session):
    client = await session.dial(session.signed())
    client.send(m.Ping(1))
    closed = await client.until_closed()
    assert (closed.code, closed.reason) == (4400, "protocol_error")


async def test_silence_is_refused_after_five_seconds(session):
    client = await session.dial(session.signed())
    closed = await client.until_closed()
    assert (closed.code, closed.reason) == (4408, "proof_timeout")


async def test_newest_ticket_takes_over_and_the_older_grant_is_refused_for_good(session):
    first = await session.attach_drawn()
    old_grant = session.signed()
    second = await session.attach_drawn()
    closed = await first.until_closed()
    assert (closed.code, closed.reason) == (4409, "taken_over")
    assert await refused(session, old_grant) == (4409, "taken_over")
    assert second.closed is None
    assert (await second.receive(m.Welcome)).e == 2


async def test_refused_stranger_leaves_the_attached_client_alone(session):
    client = await session.attach_drawn()
    session.e += 1
    assert await refused(session, session.signed(), BrowserKey()) == (4405, "proof_refused")
    client.send(m.Ping(1))
    await client.until(lambda: m.Pong(1) in client.messages)
    assert session.state.connections == 1


async def test_another_login_in_the_same_epoch_is_refused(session):
    await session.attach_drawn()
    other = session.signed(login=secrets.token_hex(32))
    assert await refused(session, other) == (4403, "grant_refused")


async def test_resume_raises_r_and_neither_loses_nor_repeats_input(x, session):
    path = x.folder / "typed"
    x.start("xterm", "-e", "sh", "-c", f"stty raw -echo; cat > {path}")
    await x.window("--class", "xterm")
    client = await session.attach_drawn()
    client.click(50, 50)
    await until(path.exists)
    sent = []

    def type_one(text):
        keys = [m.Key(client.next_input(), down, 0, 0, f"Key{text.upper()}", text) for down in (True, False)]
        sent.extend(keys)
        return keys

    for text in "abcdef":
        client.send(*type_one(text))
    for text in "ghij":
        type_one(text)  # lost with the connection
    await client.drop()
    last = client.input
    client = await session.attach(new_ticket=False)
    welcome = await client.receive(m.Welcome)
    assert (welcome.e, welcome.r) == (1, 1)
    assert welcome.last_input <= last
    client.input = last
    client.send(*sent)  # all of it: what was applied before is ignored
    for text in "klm":
        client.send(*type_one(text))
    await session.until_drawn(client)
    await until(lambda: len(path.read_text()) >= 13)
    assert path.read_text() == "abcdefghijklm"


async def test_new_ticket_starts_with_input_sequence_zero(session):
    client = await session.attach_drawn()
    client.key("KeyA", "a")
    await client.until(lambda: client.last_input_applied == 2)
    client = await session.attach()
    assert (await client.receive(m.Welcome)).last_input == 0
    client.key("KeyA", "a")
    await client.until(lambda: client.last_input_applied == 2)


async def test_resume_while_the_old_stream_still_stands_replaces_it(session):
    first = await session.attach_drawn()
    second = await session.attach(new_ticket=False)
    assert (await first.until_closed()).code == 4409
    assert (await second.receive(m.Welcome)).r == 1
    await session.until_drawn(second)


async def test_grant_that_expires_closes_and_a_renewed_one_goes_on(session):
    client = await session.attach_drawn(expires=time.time() + 1.5)
    client.send(m.GrantRenewal(session.signed()))
    other = await session.attach(expires=time.time() + 1.0)
    closed = await other.until_closed()
    assert (closed.code, closed.reason) == (4403, "grant_refused")


async def test_renewed_grant_outlives_the_first(session):
    expires = time.time() + 1.5
    client = await session.attach_drawn(expires=expires)
    client.send(m.GrantRenewal(session.signed()))
    await until(lambda: time.time() > expires + 0.3)
    client.send(m.Ping(1))
    await client.until(lambda: m.Pong(1) in client.messages)
    assert client.closed is None


@pytest.mark.parametrize(
    "changes",
    [{"login": secrets.token_hex(32)}, {"e": 7}, {"client_key": BrowserKey().public}],
    ids=["login", "e", "key"],
)
async def test_renewal_for_somebody_else_is_refused(session, changes):
    client = await session.attach_drawn()
    client.send(m.GrantRenewal(session.signed(**changes)))
    closed = await client.until_closed()
    assert (closed.code, closed.reason) == (4403, "grant_refused")


async def test_renewal_may_take_a_permission_away(x, session):
    client = await session.attach_drawn()
    client.send(m.GrantRenewal(session.signed(channels=frozenset({"display"}))))
    client.click(33, 44)
    await client.until(lambda: client.last_input_applied == client.input)
    assert "x:33 y:44 " not in await x.run("xdotool", "getmouselocation")


async def test_cut_login_is_closed_and_stays_out(session):
    client = await session.attach_drawn()
    session.tell(Cut(session.login, "signed_out"))
    closed = await client.until_closed()
    assert (closed.code, closed.reason) == (4411, "signed_out")
    assert await refused(session, session.signed()) == (4411, "signed_out")
    await session.until(lambda: session.state.connections == 0)


async def test_cut_of_another_login_changes_nothing(session):
    client = await session.attach_drawn()
    session.tell(Cut(secrets.token_hex(32), "signed_out"))
    client.send(m.Ping(1))
    await client.until(lambda: m.Pong(1) in client.messages)
    assert client.closed is None


async def test_closing_ends_connections_and_worker(session):
    client = await session.attach_drawn()
    waiting = await session.dial(session.signed())
    session.tell(Closing(4410, "session_ended"))
    for stream in (client, waiting):
        closed = await stream.until_closed()
        assert (closed.code, closed.reason) == (4410, "session_ended")
    assert await session.ended() == 0


async def test_new_grant_keys_hold_from_then_on(session):
    new = Ed25519PrivateKey.generate()
    keys = {"new": to_base64url(new.public_key().public_bytes_raw())}
    session.tell(GrantKeys(session.grant_keys() | keys))
    session.e += 1
    grant = sign_grant(session.grant(kid="new"), new)
    client = await session.dial(grant)
    welcome = await client.attach(grant, session.key, session=session.session, e=session.e)
    assert welcome.e == 1
    session.tell(GrantKeys(keys))
    assert await refused(session, session.signed()) == (4403, "grant_refused")


async def failure_of_a_dial(session, *, name="gate", address=None, rendezvous="ab" * 32):
    """Why the worker did not get through to a gateway."""

    def failures():
        found = (line for line in session.lines if isinstance(line, DialFailed))
        return [line.code for line in found if line.rendezvous == rendezvous]

    where = address or f"127.0.0.1:{session.port}"
    session.tell(Dial(Gateway(name, where), rendezvous, session.signed()))
    await session.until(failures)
    (code,) = failures()
    return code


async def test_gateway_of_another_name_is_not_spoken_to(session):
    assert await failure_of_a_dial(session, name="other gate") == "certificate_refused"


async def test_a_session_goes_on_under_another_ca_of_its_site(session):
    client = await session.attach_drawn()
    other = certificates.make_ca(certificates.new_key(), "0" * 16, time.time())
    other_pem = other.public_bytes(Encoding.PEM).decode()
    session.tell(GrantKeys(session.grant_keys(), ca=other_pem))
    assert await failure_of_a_dial(session) == "gateway_unreachable"
    session.tell(GrantKeys(session.grant_keys(), ca=other_pem + session.start_line().ca))
    session.tell(GrantKeys(session.grant_keys()))
    again = await session.attach()
    closed = await client.until_closed()
    assert (closed.code, again.closed) == (4409, None)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense", "127.0.0.1:99999"])
async def test_gateway_that_cannot_be_reached_is_reported(session, address):
    assert await failure_of_a_dial(session, address=address) == "gateway_unreachable"


async def test_rendezvous_that_would_forge_a_header_is_not_sent(session):
    assert await failure_of_a_dial(session, rendezvous="x\r\nHost: elsewhere") == "gateway_unreachable"


async def test_streams_that_prove_nothing_are_bounded(session):
    for _ in range(8):
        await session.dial(session.signed())
    assert await failure_of_a_dial(session) == "too_many_connections"


async def test_a_connection_whose_gateway_drains_is_told_so_and_comes_back(session):
    client = await session.attach_drawn()
    session.tell(Leave(new_id()))
    client.send(m.Ping(1))
    await client.until(lambda: m.Pong(1) in client.messages)
    session.tell(Leave(session.connection))
    closed = await client.until_closed()
    assert (closed.code, closed.reason) == (4512, "gateway_draining")
    again = await session.attach(new_ticket=False)
    again.send(m.Ping(2))
    await again.until(lambda: m.Pong(2) in again.messages)


def revocation(worker, kind, id, **more):
    made = Revocation(kind, worker.tenant, id, time.time() + 1, "signed_out", **more)
    return worker.signed_word(made)


@pytest.mark.parametrize("kind", ["login", "user", "session"])
async def test_a_revoked_grant_is_closed_and_stays_out(session, kind):
    client = await session.attach_drawn()
    session.tell(Revoke([revocation(session, kind, getattr(session, kind))]))
    closed = await client.until_closed()
    assert (closed.code, closed.reason) == (4411, "signed_out")
    assert await refused(session, session.signed()) == (4411, "signed_out")


async def test_a_revocation_of_somebody_else_or_by_nobody_changes_nothing(session):
    client = await session.attach_drawn()
    forged = sign_revocation(
        Revocation("user", session.tenant, session.user, time.time(), "signed_out"),
        session._kid,
        Ed25519PrivateKey.generate(),
    )
    other = [
        revocation(session, "user", new_id()),
        revocation(session, "user", session.user, session=new_id()),
    ]
    session.tell(Revoke([forged, "nonsense", *other]))
    client.send(m.Ping(1))
    await client.until(lambda: m.Pong(1) in client.messages)
    assert client.closed is None


async def test_a_clipboard_that_is_taken_away_is_taken_where_the_connection_stands(session):
    client = await session.attach_drawn()
    kept = frozenset({"display", "input", "clipboard_in"})
    word = revocation(session, "sessions", session.host, sessions=(session.session,), channels=kept)
    session.tell(Revoke([word]))
    notice = await client.receive(m.Notice)
    assert "copied" in notice.text and client.closed is None
    again = await session.attach(new_ticket=False)
    welcome = await again.receive(m.Welcome)
    assert welcome.permissions == m.PERMIT_INPUT | m.PERMIT_CLIPBOARD_IN


async def test_a_key_that_the_site_gives_up_ends_what_it_signed(session):
    client = await session.attach_drawn()
    fresh = {new_id(): to_base64url(Ed25519PrivateKey.generate().public_key().public_bytes_raw())}
    session.tell(GrantKeys(fresh))
    closed = await client.until_closed()
    assert (closed.code, closed.reason) == (4403, "grant_refused")


async def test_a_fence_closes_and_lets_in_again(session):
    client = await session.attach_drawn()
    session.tell(Fence("broker_unreachable"))
    assert (await client.until_closed()).code == 4504
    client = await session.attach_drawn()
    assert client.closed is None


async def test_who_was_disconnected_may_come_again(session):
    client = await session.attach_drawn()
    session.tell(Fence("session_disconnected"))
    closed = await client.until_closed()
    assert (closed.code, closed.reason) == (4413, "session_disconnected")
    client = await session.attach_drawn()
    assert client.closed is None


async def test_what_an_administrator_says_is_told_now_or_when_somebody_comes(session):
    session.tell(Tell("before anybody came"))
    client = await session.attach_drawn()
    session.tell(Tell("and after"))
    await client.until(lambda: m.Notice("and after") in client.messages)
    told = [message.text for message in client.messages if isinstance(message, m.Notice)]
    assert told == ["before anybody came", "and after"]
