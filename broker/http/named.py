"""The name that a request is about: in its path, or, where no path can hold it, behind `-` as `?name=`.

A gateway lets no segment pass that two readers could take for different things, so a path holds no `/`, `\\` or `%`,
and is neither `.` nor `..`; a group may be called so all the same.
"""

from __future__ import annotations

from aiohttp import web

IN_QUERY = "-"


def name_of(request: web.Request) -> str:
    """A group that is called `-` is meant where there is no `?name=`."""
    segment = request.match_info["name"]
    return request.query.get("name") or segment if segment == IN_QUERY else segment
