"""Is it up? Asked where a user would ask: through the gateway. A wait ends early when what it waits for has died."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable

from portcullis.errors import PortcullisError
from portcullis.quickstart.errors import QuickstartError
from portcullis.rest.client import Client
from portcullis.settings import Address

POLL_SECONDS = 0.1


def wait(
    what: str, trouble: Callable[[], str | None], seconds: float, still_hopeful: Callable[[], bool]
) -> None:
    """Until there is no trouble any more. Raises QuickstartError, with the last trouble, when time or hope ends."""
    deadline = time.monotonic() + seconds
    while (last := trouble()) is not None:
        if not still_hopeful():
            raise QuickstartError(f"{what}: a process that is needed has ended ({last})")
        if time.monotonic() > deadline:
            raise QuickstartError(f"{what}: not within {seconds:.0f} s ({last})")
        time.sleep(POLL_SECONDS)


def broker_trouble(address: Address) -> str | None:
    """Why a broker, or a gateway under https, does not serve yet: liveness alone, so its certificate, which nobody
    knows yet, is not checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(address.host, address.port, timeout=2, context=context)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as exc:
        return str(exc) or type(exc).__name__
    finally:
        connection.close()
    return None if status == 200 else f"HTTP status {status}"


def part_trouble(port: int) -> str | None:
    """Why a part of this machine is not ready; `port`: of its metrics."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        reasons = json.loads(response.read()).get("reasons", ())
    except (OSError, ValueError, http.client.HTTPException) as exc:
        return str(exc) or type(exc).__name__
    finally:
        connection.close()
    return (
        None if response.status == 200 else ", ".join(map(str, reasons)) or f"HTTP status {response.status}"
    )


def site_trouble(client: Client) -> str | None:
    """Why gateway, broker and this machine's agent have not found each other yet."""
    try:
        hosts, gateways = client.items("admin", "hosts"), client.items("admin", "gateways")
    except PortcullisError as exc:
        return str(exc)
    if not any(gateway.get("online") for gateway in gateways):
        return "the gateway is not registered with the broker"
    return None if any(host.get("online") for host in hosts) else "the host is not connected to the broker"
