"""Is it up? Asked where a user would ask: through the gateway. A wait ends early when what it waits for has died."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable

from portcullis.errors import PortcullisError
from portcullis.quickstart.errors import QuickstartError
from portcullis.rest.client import Client

POLL_SECONDS = 0.1


def wait(what: str, is_so: Callable[[], bool], seconds: float, still_hopeful: Callable[[], bool]) -> None:
    """Raises QuickstartError when it is not so in time, or when there is no hope left."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if not still_hopeful():
            raise QuickstartError(f"{what}: a process that is needed has ended")
        if time.monotonic() > deadline:
            raise QuickstartError(f"{what}: not within {seconds:.0f} s")
        time.sleep(POLL_SECONDS)


def broker_answers(port: int) -> bool:
    """Whether the broker serves: liveness alone, so its certificate, which nobody here knows yet, is not checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=2, context=context)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def site_works(client: Client) -> bool:
    """Whether gateway, broker and this machine's agent have found each other."""
    try:
        return any(host.get("online") for host in client.items("admin", "hosts"))
    except PortcullisError:
        return False
