"""`POST /inner/v1/{check,act,discover}`: another broker asks something of a host whose channel is here (docs/api.md,
Inner API).
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from broker.hosts.questions import HostQuestions
from broker.http.peers import Peers


class HostQuestionRoutes:
    def __init__(self, peers: Peers, *kinds: HostQuestions[Any, Any]) -> None:
        self._peers = peers
        self._kinds = kinds

    def routes(self) -> list[web.RouteDef]:
        return [self._route(kind) for kind in self._kinds]

    def _route(self, kind: HostQuestions[Any, Any]) -> web.RouteDef:
        async def ask(request: web.Request) -> web.Response:
            self._peers.broker(request)
            body = await kind.answer(await request.read())
            return web.Response(body=body, content_type="application/json")

        return web.post(kind.PATH, ask)
