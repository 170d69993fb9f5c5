"""Signing in with password and verification code, ten people a second, through the gateway.

    tests/run.sh bench signin

Arrivals are an open loop: who comes is not held up by those before. A sign-in is what the page does: the password, then
the password with the code; the time is that of both answers together, from a new connection on.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from tests.bench.figures import Figure, Series, percentile, report
from tests.bench.people import User, add_users
from tests.bench.products import installation
from tests.support.browser import ApiBrowser

A_SECOND = 10
LIMIT_MS = 300
GROUP = "bench"


async def sign_in(url: str, user: User) -> float:
    """Milliseconds. Raises RuntimeError when it was refused."""
    async with ApiBrowser(url) as browser:
        began = time.perf_counter()
        first = await browser.sign_in(user.name, user.password)
        second = await browser.sign_in(user.name, user.password, user.code())
        seconds = time.perf_counter() - began
    if first.status != 200 or second.status != 200 or not second.json["signed_in"]:
        raise RuntimeError(f"{user.name} was refused: {first.body!r} {second.body!r}")
    return seconds * 1e3


async def arrive(url: str, users: list[User], a_second: float) -> list[float]:
    async def one(number: int, user: User) -> float:
        await asyncio.sleep(began + number / a_second - asyncio.get_running_loop().time())
        return await sign_in(url, user)

    began = asyncio.get_running_loop().time() + 0.5
    return list(await asyncio.gather(*(one(number, user) for number, user in enumerate(users))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=100)
    arguments = parser.parse_args()
    with installation() as site:
        users = add_users(site.clone, site.url, GROUP, arguments.users)
        alone = [asyncio.run(sign_in(site.url, user)) for user in users[: arguments.users // 10]]
        taken = asyncio.run(arrive(site.url, users[len(alone) :], A_SECOND))
    title = f"sign-in with password and code, {A_SECOND} a second"
    figures = [
        Figure(f"{title}, p95", percentile(taken, 95), "ms", LIMIT_MS),
        Figure(
            f"{title}, median", percentile(taken, 50), "ms", peer=percentile(alone, 50), peer_name="one alone"
        ),
    ]
    report("signin", figures, [Series("alone", alone), Series(f"{A_SECOND} a second", taken)])


if __name__ == "__main__":
    main()
