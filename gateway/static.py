"""The web client's files, read once: a request can only name what stands in the table made at the start.

So there is no path to traverse, no folder to list, and no file that nobody meant to publish. Names do not carry a
hash of the content, so every answer must be revalidated (`no-cache`), which the ETag makes a 304.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

FOLDERS = ("core", "api", "app", "admin", "ui", "styles", "vendor", "locale")
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
_PAGES = ("index.html", "admin.html")
"""The portal, which is also what stands at the root, and the console."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    content: bytes
    content_type: str
    etag: str

    @classmethod
    def read(cls, path: Path) -> StaticFile:
        content = path.read_bytes()
        return cls(content, CONTENT_TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')


class StaticFiles:
    """`root` is the folder of the web client; tests, packaging and anything hidden in it are not published."""

    def __init__(self, root: Path) -> None:
        self._files = {
            f"/{path.relative_to(root).as_posix()}": StaticFile.read(path) for path in _published(root)
        }
        portal = self._files.get(f"/{_PAGES[0]}")
        if portal is not None:
            self._files["/"] = portal

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(self._files)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        file = self._files.get(request.raw_path.partition("?")[0])
        if file is None:
            raise web.HTTPNotFound
        headers = {"ETag": file.etag, "Cache-Control": "no-cache"}
        if _is_known(request.headers.get("If-None-Match", ""), file.etag):
            return web.Response(status=304, headers=headers)
        return web.Response(body=file.content, headers={**headers, "Content-Type": file.content_type})


def _published(root: Path) -> list[Path]:
    """Regular files below the published folders, links included only if they lead to one below `root`."""
    pages = [root / name for name in _PAGES]
    candidates = [*pages, *(path for folder in FOLDERS for path in sorted((root / folder).rglob("*")))]
    return [path for path in candidates if _is_published(path, root)]


def _is_published(path: Path, root: Path) -> bool:
    parts = path.relative_to(root).parts
    if path.suffix not in CONTENT_TYPES or any(part.startswith((".", "test")) for part in parts):
        return False
    return ".test." not in path.name and path.is_file() and path.resolve().is_relative_to(root.resolve())


def _is_known(if_none_match: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in tags or "*" in tags
