"""How things read in JSON, and answers that carry the grid's revision. Nothing secret has a field here."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from aiohttp import web

from broker.http.middleware import REVISION_HEADER
from broker.identity.users import AccountState
from broker.repositories.applications import Applications
from broker.repositories.hosts import Hosts
from portcullis.model.application import Application
from portcullis.model.session import Session
from portcullis.model.stream_figures import StreamFigures
from portcullis.model.user import User


def answer(data: Any, status: int = 200, revision: int | None = None) -> web.Response:
    """`revision`: of the grid after a change, for the caller to present with its next request."""
    response = web.Response(status=status, text=json.dumps(data), content_type="application/json")
    return with_revision(response, revision)


def done(revision: int | None = None) -> web.Response:
    return with_revision(web.Response(status=204), revision)


def with_revision(response: web.Response, revision: int | None) -> web.Response:
    if revision is not None:
        response.headers[REVISION_HEADER] = str(revision)
    return response


def icon_url(icon: str | None) -> str | None:
    return f"/api/v1/icons/{icon}" if icon else None


def tile_view(application: Application) -> dict[str, Any]:
    return {"id": application.id, "name": application.name, "icon": icon_url(application.icon)}


def desktop_view(application: Application) -> dict[str, Any]:
    """Of an existing desktop: whether somebody else is asked at a launch, which takes as long as they take."""
    return {"desktop": {"asks": application.desktop.asks}} if application.desktop else {}


def asked_view(application: Application, user_name: str, kept: Collection[tuple[str, str]]) -> dict[str, Any]:
    """What the user is asked for before a launch, if anything. `kept`: application ids with destinations."""
    target = application.rdp
    if target is None:
        return {}
    asked = {
        "kind": target.credentials,
        "user_name": target.user_name_of(user_name),
        "server": target.server,
        "kept": (application.id, target.destination) in kept,
    }
    return {"credentials": asked}


def application_view(application: Application) -> dict[str, Any]:
    return {**application.to_json(), "icon": icon_url(application.icon)}


def figures_view(figures: StreamFigures | None) -> dict[str, Any] | None:
    """Of a session whose view is visible now; else None."""
    return None if figures is None else figures.to_json()


def session_view(session: Session, applications: Applications, hosts: Hosts) -> dict[str, Any]:
    """The application may be gone while its session goes on: then it has no icon. So may the host: then nobody can
    reach the session until it is back.
    """
    application = applications.get(session.tenant_id, session.application_id)
    return {
        "id": session.id,
        "application": {
            "id": session.application_id,
            "name": session.application_name,
            "icon": icon_url(application.icon if application else None),
        },
        "host": session.host_name,
        "host_online": hosts.is_live(session.host_id),
        "state": session.state,
        "created": session.created,
        "device_pixel_ratio": session.display.device_pixel_ratio,
        "reference": session.reference,
    }


def user_view(user: User, state: AccountState, revision: int) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role,
        "platform": user.platform,
        "groups": sorted(user.groups),
        "disabled": user.disabled,
        "state": state,
        "invited_until": user.link_expires if state == "invited" else None,
        "revision": revision,
    }
