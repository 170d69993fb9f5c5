"""The floor below every product in a browser: a bare page, and a server that answers each key at once.

No gateway, no display, no application, no picture: the page's keydown goes out by WebSocket over TLS, one byte comes
back and says the colour that the page fills. What is left is Chromium's own way out and in, and how often one can look.
This module is also the server:

    python -m tests.bench.floor PORT CERTIFICATE KEY
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import ssl
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page
from websockets.asyncio.server import Request, Response, ServerConnection, serve
from websockets.datastructures import Headers

from tests.bench.products import Product, running, wait_for_port
from tests.e2e.conftest import free_port

_COLOURS, _PATCH = 7, 64
"""As apps/colours.py, which runs where the display is."""
_PAGE = f"""<!doctype html><meta charset=utf-8>
<style>body {{ margin: 0; overflow: hidden }} canvas {{ position: absolute; left: 0; top: 0 }}</style>
<script type=module>
let code = 0;
let context = null;
/** @param {{number}} side of a canvas in the middle; 0: over all of the view */
function layer(side) {{
  const canvas = document.createElement("canvas");
  canvas.width = side || innerWidth;
  canvas.height = side || innerHeight;
  canvas.style.left = `${{(innerWidth - canvas.width) / 2}}px`;
  canvas.style.top = `${{(innerHeight - canvas.height) / 2}}px`;
  document.body.append(canvas);
  return canvas.getContext("2d", {{ alpha: false, desynchronized: true }});
}}
function show() {{
  context.fillStyle = `rgb(${{[4, 2, 1].map((bit) => (code & bit ? 255 : 0))}})`;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
}}
const whole = layer(0);
const patch = layer({_PATCH});
globalThis.take = (area) => {{
  context = area === "full" ? whole : patch;
  patch.canvas.style.visibility = area === "full" ? "hidden" : "";
  show();
}};
const socket = new WebSocket(`wss://${{location.host}}/stream`);
socket.binaryType = "arraybuffer";
socket.onmessage = ({{ data }}) => {{
  code = new Uint8Array(data)[0];
  show();
}};
addEventListener("keydown", (event) => {{
  event.preventDefault();
  if (!event.repeat) socket.send(new Uint8Array(1));
}});
take("patch");
</script>"""


@dataclass
class Floor(Product):
    """`page` shows it, once it was opened."""

    page: Page | None = None

    @contextlib.contextmanager
    def application(self, name: str, width: int, height: int, *options: str) -> Iterator[None]:
        assert self.page is not None
        assert name == "colours"
        self.page.evaluate("area => take(area)", options[options.index("--area") + 1])
        yield


@contextlib.contextmanager
def floor(tls: tuple[Path, Path]) -> Iterator[Floor]:
    """`tls`: certificate and key."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.floor", str(port), *map(str, tls)]
    with tempfile.TemporaryDirectory(prefix="bench-floor-") as folder, running(command, Path(folder)):
        wait_for_port(port)
        product = Floor("nothing but a browser", f"https://localhost:{port}/", port)

        def open_page(page: Page) -> None:
            page.goto(product.url)
            product.page = page

        product.open = open_page
        yield product


async def answer(connection: ServerConnection) -> None:
    code = 1
    await connection.send(bytes([code]))
    async for _ in connection:
        code = code % _COLOURS + 1
        await connection.send(bytes([code]))


def page_of(connection: ServerConnection, request: Request) -> Response | None:
    if request.path == "/stream":
        return None
    headers = Headers({"Content-Type": "text/html", "Content-Length": str(len(_PAGE.encode()))})
    return Response(http.HTTPStatus.OK.value, "OK", headers, _PAGE.encode())


async def main(port: str, certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = serve(answer, "127.0.0.1", int(port), ssl=context, process_request=page_of, compression=None)
    async with server as listening:
        await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
