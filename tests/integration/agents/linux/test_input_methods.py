"""An application that is published with an input method, as docs/keyboards.md tells to."""

from pathlib import Path

import psutil

from tests.support.patience import until
from tests.support.session_host import marked, until_window
from tests.support.told import until_ended

COMMAND = ("sh", "-c", "ibus-daemon --xim & mousepad; kill $!")
OWN = {"GTK_IM_MODULE": "ibus", "QT_IM_MODULE": "ibus", "XMODIFIERS": "@im=ibus"}


async def test_input_method_serves_the_application_and_ends_with_it(host):
    order = host.order(*COMMAND, environment=OWN)
    link = await host.launcher().launch(order, host.start(order))
    try:
        await until_window(link)
        (editor,) = await _named(order, "mousepad")
        await until(lambda: "/im-ibus.so" in Path(f"/proc/{editor.pid}/maps").read_text())
        await _named(order, "ibus-daemon")
        editor.kill()
        assert (await until_ended(link)).code == "application_closed"
        await until(lambda: not marked(order.session))
    finally:
        await link.close()


async def _named(order, name):
    found = []

    def is_there():
        found[:] = [p for p in map(psutil.Process, marked(order.session)) if p.name() == name]
        return found

    await until(is_there)
    return found
