"""What users who were deleted leave behind: sessions that run, and API tokens, which nobody accepts any more."""

from __future__ import annotations

import logging
from collections.abc import Collection

from broker.grid.scopes import Stores
from broker.repositories.api_tokens import ApiTokens, token_deletion
from broker.repositories.committing import commit
from broker.repositories.sessions import Sessions
from broker.sessions.lifecycle import Lifecycle
from portcullis.errors import Refused
from portcullis.logs import ids

log = logging.getLogger(__name__)


class GoneUsers:
    def __init__(self, stores: Stores, sessions: Sessions, lifecycle: Lifecycle, tokens: ApiTokens) -> None:
        self._stores = stores
        self._sessions = sessions
        self._lifecycle = lifecycle
        self._tokens = tokens

    async def clear(self, tenant_id: str, user_ids: Collection[str], author: str) -> None:
        """To do it twice does no harm. Raises Unavailable."""
        store = await self._stores.tenant(tenant_id)
        for token in self._tokens.list(tenant_id):
            if token.user_id in user_ids:
                await commit(self._stores, token_deletion(store, token, author))
        for user_id in user_ids:
            for session in self._sessions.of_user(tenant_id, user_id):
                try:
                    await self._lifecycle.log_off(tenant_id, session.id, by=author)
                except Refused as gone:
                    log.info("a session ended by itself: %s", gone.code, extra=ids(session=session.id))
