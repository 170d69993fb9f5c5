"""What people do to take rights back: sign out, disable, end an orphan, panic. Each works with and without the grid.

First it is told (`office`): from then on machines act and this broker serves the login no more. Then it is written.
Where the grid does not take it in time, it is put on this broker's disk, answered, and written when the grid is back:
`merged` says which of the two it was.

A broker that dies in between may come back much later, or never. What it told the others is done by them as soon as the
grid takes it (`_take_over`); what it then finds on its disk changes nothing more, and undoes nothing decided since.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from broker.grid.grid import GridError
from broker.grid.health import GridHealth
from broker.grid.keys import HISTORY
from broker.grid.scopes import Stores
from broker.identity.accounts import Accounts
from broker.repositories.api_tokens import ApiTokens, token_deletion
from broker.repositories.committing import commit
from broker.repositories.logins import LoginRecords
from broker.repositories.tenants import Tenants
from broker.repositories.users import Users
from broker.revocation.journal import RevocationJournal
from broker.revocation.office import ByHost, Revocations
from broker.revocation.panic import raise_epoch
from broker.revocation.pending import Act, ActKind, PendingActs
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.errors import Refused, Unavailable
from portcullis.ids import new_id
from portcullis.logs import ids
from portcullis.model.user import ApiToken, Login, User
from portcullis.revocations import Revocation, Visit
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

WRITE_SECONDS = 2.0
"""What the grid gets before the act is put on the disk instead."""
RETRY_SECONDS = 1.0
TAKE_OVER_SECONDS = 10.0
"""What another broker told gets so long to be written by it."""
CLOCK_MARGIN_SECONDS = 60.0
"""By which the clocks of two brokers may differ."""
TAKEN_OVER = "system"
"""The author of what another broker was asked: its word does not name who asked."""
_AT_ONCE = 50
_JOURNAL_KINDS: dict[ActKind, str] = {
    "disable": "user_disabled",
    "sign_out": "user",
    "login": "login",
    "session": "session",
    "everything": "everything",
}


class Acts:
    def __init__(
        self,
        stores: Stores,
        snapshot: Snapshot,
        office: Revocations,
        health: GridHealth,
        pending: PendingActs,
        journal: RevocationJournal,
        clock: Clock,
        cut: Callable[[Login], None] = lambda _: None,
    ) -> None:
        """`cut` reaches hosts that know no revocations yet."""
        self._stores = stores
        self._snapshot = snapshot
        self.office = office
        self._health = health
        self._pending = pending
        self._journal = journal
        self._clock = clock
        self._cut = cut
        self._tenants = Tenants(snapshot)
        self._users = Users(stores, snapshot)
        self._logins = LoginRecords(stores, snapshot)
        self._tokens = ApiTokens(stores, snapshot)
        self._accounts = Accounts(stores, self._users, self._tokens, clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """What an earlier broker on this disk could not write is told again, and written."""
        for act in self._pending.load():
            self.office.tell(act.texts, keep=act.kind != "everything")
        self._heard([text for text, _ in self.office.book.words()], {})
        self._unsubscribe = self.office.subscribe(self._heard)
        self._spawn(self._merge(), "merging of acts")

    async def stop(self) -> None:
        self._unsubscribe()
        await cancel_and_wait(*self._tasks)

    async def sign_out(self, tenant_id: str, user: User, author: str) -> bool:
        """Every login of the user, everywhere. Whether it is merged. Raises OSError when it can be kept nowhere."""
        return await self._do("sign_out", tenant_id, user.id, author, self._tell_user(tenant_id, user.id))

    async def disable(self, tenant_id: str, name: str, author: str) -> tuple[User, bool]:
        """Raises Refused: not_found, last_administrator, changed_meanwhile."""
        user = await self._accounts.check_disabling(tenant_id, name)
        texts = self._tell_user(tenant_id, user.id, "user_disabled")
        return user, await self._do("disable", tenant_id, user.id, author, texts)

    async def end_login(self, login: Login) -> bool:
        texts = (self.office.sign("login", login.tenant_id, login.hash),)
        self.office.tell(texts)
        self._cut(login)
        return await self._do("login", login.tenant_id, login.hash, login.user_id, texts)

    async def end_session(self, tenant_id: str, session_id: str, author: str) -> bool:
        """Of a session without a record: its host ends it on this signed word alone."""
        texts = (self.office.sign("session", tenant_id, session_id, code="session_ended"),)
        self.office.tell(texts, keep=True)
        return await self._do("session", tenant_id, session_id, author, texts)

    async def panic(self, author: str, *, api_tokens: bool = False) -> bool:
        """Every login, ticket and grant of the site is dead; sessions' applications go on."""
        kid = new_id()
        texts = (self.office.sign("everything", "", kid, epoch=self._tenants.epoch()),)
        self.office.tell(texts)
        log.warning("panic: every login, ticket and grant is void", extra=ids(by=author))
        return await self._do("everything", "site", kid, author, texts, api_tokens)

    def unmerged(self) -> list[str]:
        """What other brokers have to be told by other ways than the grid."""
        pending = [text for act in self._pending.all() for text in act.texts]
        return list(dict.fromkeys([*self.office.unkept(), *pending]))

    def token_is_void(self, token: ApiToken) -> bool:
        """Of a user who was disabled while the grid takes nothing: their record does not say it yet."""
        if not self._pending.all():
            return False
        visit = Visit(token.tenant_id, token.user_id, "", token.created, 1 << 53)
        return self.office.book.refuses_visit(visit) == "user_disabled"

    def _tell_user(self, tenant_id: str, user_id: str, code: str = "signed_out") -> tuple[str, ...]:
        """Each login as well: their revocation compares no clocks."""
        logins = self._logins.of_user(tenant_id, user_id)
        texts = [self.office.sign("login", tenant_id, login.hash, code=code) for login in logins]
        texts.insert(0, self.office.sign("user", tenant_id, user_id, code=code))
        self.office.tell(texts, keep=True)
        for login in logins:
            self._cut(login)
        return tuple(texts)

    async def _do(
        self,
        kind: ActKind,
        tenant_id: str,
        id: str,
        author: str,
        texts: tuple[str, ...],
        api_tokens: bool = False,
    ) -> bool:
        epoch, now = self._tenants.epoch(), self._clock.now()
        act = Act(kind, tenant_id, id, author, now, epoch, texts, api_tokens)
        if self._health.writable:
            try:
                async with asyncio.timeout(WRITE_SECONDS):
                    await self._write(act)
            except (Unavailable, GridError, TimeoutError) as exc:
                log.warning("%s is written later: %r", kind, exc, extra=ids(tenant=tenant_id, id=id))
            else:
                return True
        await self._pending.add(act)
        await self._journal.append(_JOURNAL_KINDS[kind], tenant_id, id)
        return False

    async def _merge(self) -> None:
        while True:
            await self._pending.added.wait()
            self._pending.added.clear()
            while acts := self._pending.all():
                if await self._health.until_writable(RETRY_SECONDS) and not await self._merge_one(acts[0]):
                    await asyncio.sleep(RETRY_SECONDS)

    async def _merge_one(self, act: Act) -> bool:
        """Whether it is done with."""
        names = ids(tenant=act.tenant, id=act.id, by=act.author)
        try:
            await self._check_still_meant(act)
            await self._write(act)
            log.info("%s, done while the grid took nothing, is written", act.kind, extra=names)
            await self._pending.remove(act)
        except Refused as exc:  # the user was deleted meanwhile, say
            log.error("%s, done while the grid took nothing, has no effect: %s", act.kind, exc, extra=names)
            await self._pending.remove(act)
        except (Unavailable, GridError, OSError) as exc:
            log.warning("%s is written later: %r", act.kind, exc, extra=names)
            return False
        return True

    async def _check_still_meant(self, act: Act) -> None:
        """Who was enabled after the act is not disabled by it, however late it comes. Raises Refused, GridError."""
        if act.kind != "disable":
            return
        store = await self._stores.tenant(act.tenant)
        disabled_at: float | None = None
        for record in sorted(
            await store.list(HISTORY, "user", act.id), key=lambda each: each.create_revision
        ):
            at = float(record.value["time"])
            if (record.value["value"] or {}).get("disabled"):
                disabled_at = at
            elif disabled_at is not None:
                if max(at, disabled_at + CLOCK_MARGIN_SECONDS) > act.time:
                    raise Refused("changed_meanwhile", "The user was enabled since.")
                disabled_at = None

    def _heard(self, texts: Sequence[str], by_host: ByHost) -> None:
        """What some broker did: it is written by that one or, should it die, here."""
        for text in texts:
            word = self.office.book.word(text)
            act = None if word is None or not self.office.is_kept(text) else _act_of(word, text)
            if act is not None:
                self._spawn(self._take_over(act), "taking over of an act")

    async def _take_over(self, act: Act) -> None:
        await asyncio.sleep(TAKE_OVER_SECONDS)
        while not self._is_done(act):
            if await self._health.until_writable(RETRY_SECONDS) and await self._merge_one(act):
                return
            await asyncio.sleep(RETRY_SECONDS)

    def _is_done(self, act: Act) -> bool:
        match act.kind:
            case "everything":
                return self._tenants.epoch() > act.epoch
            case "disable":
                user = self._users.get(act.tenant, act.id)
                return user is None or user.disabled
            case "sign_out":
                return all(login.created > act.time for login in self._logins.of_user(act.tenant, act.id))
            case "login":
                return self._logins.get(act.tenant, act.id) is None
        return True

    async def _write(self, act: Act) -> None:
        """As often as needed: once done, it changes nothing more."""
        match act.kind:
            case "disable":
                user = self._users.get(act.tenant, act.id)
                if user is None:
                    raise Refused("not_found")
                if not user.disabled:
                    _, revision = await self._accounts.set_disabled(act.tenant, user.name, True, act.author)
                    await self._snapshot.until(revision)
            case "sign_out":
                found = self._logins.of_user(act.tenant, act.id)
                await self._delete(login for login in found if login.created <= act.time)
            case "login":
                login = self._logins.get(act.tenant, act.id)
                await self._delete([login] if login else [])
            case "everything":
                await self._write_panic(act)
            case "session":
                pass  # its host needs no more than the word

    async def _write_panic(self, act: Act) -> None:
        if self._tenants.epoch() <= act.epoch:
            revision = await raise_epoch(self._stores, act.id, act.epoch, self._clock.now())
            await self._snapshot.until(revision, WRITE_SECONDS)
        # By the new key, for machines that know no other any more, and for those that come later.
        # Where another panic was first it ends nothing that began after it was asked for: its own key never signed.
        is_in_force = self._snapshot.get("site", ("key", "grant", act.id)) is not None
        until = self._clock.now() if is_in_force else act.time
        word = Revocation("everything", "", act.id, until, "signed_out", epoch=act.epoch)
        self.office.tell([self.office.sign_this(word)], keep=True)
        self._spawn(self._sweep(act), "void logins")

    async def _sweep(self, act: Act) -> None:
        """They are void already; brokers of before know it by the records' absence."""
        try:
            for tenant in self._tenants.list():
                logins = self._logins.of_tenant(tenant.id)
                await self._delete(login for login in logins if login.epoch <= act.epoch)
                if act.api_tokens:
                    await self._delete_tokens(tenant.id, act)
        except (Unavailable, GridError) as exc:
            log.warning("void logins are left until their time is up: %s", exc)

    async def _delete(self, logins: Iterable[Login]) -> None:
        """Raises Unavailable."""
        left = list(logins)
        while left:
            some, left = left[:_AT_ONCE], left[_AT_ONCE:]
            store = await self._stores.tenant(some[0].tenant_id)
            result = await commit(self._stores, *(store.delete(("login", login.hash)) for login in some))
            await self._snapshot.until(result.revision)

    async def _delete_tokens(self, tenant_id: str, act: Act) -> None:
        store = await self._stores.tenant(tenant_id)
        for token in self._tokens.list(tenant_id):
            if token.created <= act.time:
                await commit(self._stores, token_deletion(store, token, act.author))

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = spawn(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _act_of(word: Revocation, text: str) -> Act | None:
    """What a word of another broker asks the grid to hold. None: nothing."""
    if word.kind == "everything" and word.epoch:
        return Act("everything", "site", word.id, TAKEN_OVER, word.issued, word.epoch, (text,))
    if word.session or word.kind not in ("user", "login"):
        return None
    kind: ActKind = "login"
    if word.kind == "user":
        kind = "disable" if word.code == "user_disabled" else "sign_out"
    return Act(kind, word.tenant, word.id, TAKEN_OVER, word.issued, word.epoch, (text,))
