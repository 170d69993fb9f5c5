"""Who may be attached: the epoch (e, r), logins that were cut, and the session's end. Pure.

e stands in the grant and is raised only by redeeming a ticket; r counts resumes here. The newest wins, a lower e is
refused for good, so two windows never oust each other for ever. A grant outlives its login by up to its whole lifetime,
so a login that was cut is remembered, and so is every revocation (`portcullis.revocations`).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from portcullis.errors import CODES, Refused
from portcullis.revocations import RevocationBook
from portcullis.tickets import Grant

_REMEMBERED_CUTS = 1024


@dataclass(frozen=True, slots=True)
class Admission:
    e: int
    r: int


class Arbiter:
    """For one session. `check` judges a grant whose signature and expiry are right; `admit` lets it in."""

    def __init__(self, session: str, host: str, tenant: str, book: RevocationBook | None = None) -> None:
        self._place = (session, host, tenant)
        self._book = book
        self._holder: Grant | None = None
        self._r = 0
        self._cut: OrderedDict[str, str] = OrderedDict()
        self._end_code: str | None = None
        self.last_input = 0
        """The last input sequence that was taken in this e: what a resume goes on from."""

    @property
    def e(self) -> int:
        return self._holder.e if self._holder is not None else 0

    def check(self, grant: Grant) -> None:
        """Raises Refused with the reason code."""
        if self._end_code is not None:
            raise Refused(self._end_code)
        if (grant.session, grant.host, grant.tenant) != self._place or "display" not in grant.channels:
            raise Refused("grant_refused")
        if grant.login in self._cut:
            raise Refused(self._cut[grant.login])
        if (code := self.revoked(grant)) is not None:
            raise Refused(code)
        if grant.e < self.e:
            raise Refused("taken_over")
        if self._holder is not None and grant.e == self.e and not is_renewal(self._holder, grant):
            raise Refused("grant_refused")  # each redeemed ticket has an e of its own

    def admit(self, grant: Grant) -> Admission:
        """Raises as `check`. Whoever was attached before is to be closed with `taken_over`."""
        self.check(grant)
        if self._holder is not None and grant.e == self.e:
            self._r += 1
        else:
            self._r = 0
            self.last_input = 0
        self._holder = grant
        return Admission(grant.e, self._r)

    def revoked(self, grant: Grant) -> str | None:
        """The reason code, if it was taken back."""
        return None if self._book is None else self._book.refuses(grant)

    def allowed(self, grant: Grant) -> frozenset[str]:
        """Those of its channels that no rule has taken away since it was issued."""
        return grant.channels if self._book is None else self._book.allowed(grant)

    def cut(self, login: str, code: str) -> None:
        """Nothing of this login is admitted any more."""
        self._cut[login] = _known(code, "signed_out")
        self._cut.move_to_end(login)
        while len(self._cut) > _REMEMBERED_CUTS:
            self._cut.popitem(last=False)

    def end(self, code: str) -> None:
        self._end_code = _known(code, "session_ended")


def _known(code: str, otherwise: str) -> str:
    """A broker of a later release may give reasons that this one does not know."""
    return code if code in CODES else otherwise


def is_renewal(old: Grant, new: Grant) -> bool:
    """Whether `new` continues the right of `old`: the same login, key and epoch in the same session."""
    return (old.login, old.client_key, old.e, old.session, old.tenant, old.host) == (
        new.login,
        new.client_key,
        new.e,
        new.session,
        new.tenant,
        new.host,
    )
