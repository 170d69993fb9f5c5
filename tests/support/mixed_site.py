"""A site of three processes, each of this version or of the one before, and a person who works there.

    site = MixedSite(folder, {"old": python_of(folder), "new": Path(sys.executable)}, prefix)
    await site.start("old", "old", "old", people=3)
    async with site.person(0) as person: ...
    await site.change("broker", "new")                    # stopped, and started as the other version

Everything is a real process on real ports. The application is a terminal whose shell appends each line typed to a
file in the person's home, so what arrived can be compared with what was typed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import aiohttp
import psutil

from portcullis.protocol.messages import AdmitGrant, Admitted, AdmitTicket
from portcullis.tickets import from_base64url
from tests.support.browser import ApiBrowser
from tests.support.patience import patient, until
from tests.support.ports import free_port
from tests.support.session_host import marked
from tests.support.stream_client import StreamClient, StreamClosed, open_stream

Part = Literal["broker", "gateway", "agent"]
Version = Literal["old", "new"]
PATIENCE_SECONDS = 60
MODULES: Mapping[Part, str] = {"broker": "broker", "gateway": "gateway", "agent": "agents"}
SAID_WHEN_READY: Mapping[Part, str] = {"broker": "broker serves", "gateway": "serving on port", "agent": ""}
TYPED = "typed"
AGAIN = (1006, 4408, 4503, 4504)
"""Close codes after which a page attaches again (docs/protocol.md 1.6)."""
PASSWORD = "three unlikely words"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
RECOVERY_CODE = "abcdef-ghijkm-npqrst-uvwxyz"

SEED = """
import asyncio, sys
from pathlib import Path
from broker.grid.embedded import EmbeddedGrid
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from broker.identity import passwords
from broker.identity.recovery_codes import hash_of
from broker.repositories.recovery_codes import codes_creation
from broker.repositories.users import user_creation
from portcullis.ids import new_id
from portcullis.model.user import User

async def main(state, tenant, count, password, secret, recovery):
    grid = await EmbeddedGrid.open(Path(state) / "grid.sqlite", may_create=False)
    stores = Stores(grid, SiteKey.load(Path(state) / "site.key"))
    hashed = passwords.hash_password(password)
    store = await stores.tenant(tenant)
    for number in range(int(count)):
        user = User(new_id(), f"person-{number}", password_hash=hashed, totp_secret=secret)
        operations, conditions = user_creation(store, user)
        codes = codes_creation(store, user.id, [hash_of(recovery)])
        await stores.commit(*operations, codes, conditions=conditions)
    await grid.close()

asyncio.run(main(*sys.argv[1:]))
"""


class MixedSite:
    def __init__(self, folder: Path, pythons: Mapping[Version, Path], prefix: str) -> None:
        self.folder = folder
        self.versions: dict[Part, Version] = {}
        self.secrets: dict[str, Any] = {}
        self.ports = {name: free_port() for name in ("broker", "public", "inner")}
        self.origin = f"http://localhost:{self.ports['public']}"
        self._pythons = pythons
        self._prefix = prefix
        self._processes: dict[Part, subprocess.Popen[bytes]] = {}
        self._starts = 0

    async def start(self, broker: Version, gateway: Version, agent: Version, *, people: int) -> None:
        """Founded and joined by the versions that then serve."""
        self.versions = {"broker": broker, "gateway": gateway, "agent": agent}
        await asyncio.to_thread(self._found, people)
        await self.serve("broker")
        for part, role in (("gateway", "gateway"), ("agent", "host")):
            token = self.folder / f"{role}.token"
            token.write_text(self.secrets[f"{role}_join_token"])
            await asyncio.to_thread(self._join, part, token)
        await self.serve("gateway")
        await self.serve("agent")
        await self.publish()

    async def change(self, part: Part, version: Version) -> None:
        """Stop the part as an operator does, and start the other version on the same state."""
        await asyncio.to_thread(self.stop, part)
        self.versions[part] = version
        await self.serve(part)

    async def serve(self, part: Part) -> None:
        """Until it is there for the others."""
        log = self._launch(part)
        async with asyncio.timeout(patient(PATIENCE_SECONDS)):
            while SAID_WHEN_READY[part] not in log.read_text():
                assert self._processes[part].poll() is None, log.read_text()
                await asyncio.sleep(0.02)
            while (part != "agent" and "agent" in self._processes) or part == "agent":
                if await self._is_whole():
                    break
                assert self._processes[part].poll() is None, log.read_text()
                await asyncio.sleep(0.05)

    def refused(self, part: Part, version: Version) -> str:
        """What a part says that does not start."""
        self.stop(part)
        self.versions[part] = version
        log = self._launch(part)
        assert self._processes.pop(part).wait(patient(PATIENCE_SECONDS)) == 1
        return log.read_text()

    def stop(self, part: Part) -> None:
        process = self._processes.pop(part, None)
        if process is not None:
            process.send_signal(signal.SIGTERM)
            process.wait(patient(PATIENCE_SECONDS))

    def close(self) -> None:
        for part in ("gateway", "agent", "broker"):
            self.stop(part)

    def run(self, version: Version, *arguments: object) -> str:
        """A command of a version to its end; what it printed."""
        command = [str(self._pythons[version]), "-I", "-m", *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    @property
    def state(self) -> Path:
        return self.folder / "broker"

    async def publish(self) -> None:
        line = f'stty -echo; while read -r line; do echo "$line" >> ~/{TYPED}-$PORTCULLIS_SESSION; done'
        body = {
            "command": ["xterm", "-e", "sh", "-c", line],
            "entitled": {"users": self.names(), "groups": []},
        }
        path = f"{self.origin}/api/v1/admin/applications/Editor"
        async with self._administrator() as http, http.put(path, json=body) as response:
            assert response.status == 200, await response.text()

    def names(self) -> list[str]:
        return [f"person-{number}" for number in range(self._people)]

    @asynccontextmanager
    async def person(self, number: int, code: str | None = None) -> AsyncIterator[Person]:
        """By the authenticator's code of now, or another one."""
        async with ApiBrowser(self.origin) as browser:
            secret = TOTP_SECRET if code is None else None
            answer = await browser.sign_in(f"person-{number}", PASSWORD, code, totp_secret=secret)
            assert answer.status == 200 and answer.json["signed_in"], answer.body
            person = Person(self, browser)
            yield person
            await person.leave()

    def typed(self, session: str) -> list[str]:
        """Lines that reached the application."""
        found = list((self.folder / "homes").glob(f"*/{TYPED}-{session}"))
        return found[0].read_text().splitlines() if found else []

    def _found(self, people: int) -> None:
        self._people = people
        version = self.versions["broker"]
        secrets = self.folder / "secrets.json"
        self.run(
            version,
            *("broker", "init", "--state", self.state, "--secrets-file", secrets, "--site", "lab"),
            *(
                "--tenant",
                "acme",
                "--administrator",
                "admin",
                "--user",
                "demo",
                "--public-origin",
                self.origin,
            ),
        )
        self.secrets = json.loads(secrets.read_text())
        script = self.folder / "seed.py"
        script.write_text(SEED)
        seed = (self.state, self.secrets["tenant_id"], people, PASSWORD, TOTP_SECRET, RECOVERY_CODE)
        subprocess.run([self._pythons[version], "-I", script, *map(str, seed)], cwd=self.folder, check=True)

    def _join(self, part: Part, token: Path) -> None:
        state, broker = self.folder / part, f"127.0.0.1:{self.ports['broker']}"
        own = (
            ("--name", "h1", "--slots", "6")
            if part == "agent"
            else (
                *("--name", "edge", "--inner-address", f"127.0.0.1:{self.ports['inner']}"),
                *("--public-origin", self.origin),
            )
        )
        self.run(
            self.versions[part],
            *(MODULES[part], "join", "--state", state, "--broker", broker, "--token-file", token, *own),
        )

    def _launch(self, part: Part) -> Path:
        self._starts += 1
        log = self.folder / f"{part}-{self._starts}-{self.versions[part]}.log"
        command = [
            self._pythons[self.versions[part]],
            "-I",
            "-m",
            MODULES[part],
            "serve",
            *self._options(part),
        ]
        with log.open("wb") as output:
            self._processes[part] = subprocess.Popen(
                list(map(str, command)), cwd=self.folder, stdout=output, stderr=output
            )
        return log

    def _options(self, part: Part) -> tuple[object, ...]:
        state = ("--state", self.folder / part)
        match part:
            case "broker":
                return (*state, "--listen", f"127.0.0.1:{self.ports['broker']}")
            case "gateway":
                listen = (
                    f"127.0.0.1:{self.ports['public']}",
                    "--inner-listen",
                    f"127.0.0.1:{self.ports['inner']}",
                )
                return (*state, "--listen", *listen)
            case "agent":
                folders = ("--runtime", self.folder / "run", "--homes", self.folder / "homes")
                limits = ("--grace-seconds", "0.5", "--warm-sessions", "0")
                return (*state, *folders, "--account-prefix", self._prefix, *limits)

    async def _is_whole(self) -> bool:
        """Whether host and gateway are online, and a stream would find its way."""
        try:
            async with self._administrator() as http:
                for kind in ("hosts", "gateways"):
                    async with http.get(f"{self.origin}/api/v1/admin/{kind}") as response:
                        items = (await response.json())["items"] if response.status == 200 else []
                        if not items or not all(item["online"] for item in items):
                            return False
        except aiohttp.ClientError:
            return False
        return True

    def _administrator(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.secrets['api_token']}"})


class Person:
    """Signed in; one session at a time."""

    def __init__(self, site: MixedSite, browser: ApiBrowser) -> None:
        self.session = ""
        self.grant = ""
        self.e = 0
        self.stream: StreamClient | None = None
        self.lines: list[str] = []
        self._site = site
        self._browser = browser

    async def launch(self) -> None:
        catalogue = (await self._browser.get("/api/v1/catalogue")).json
        answer = await self._browser.change(
            "POST", "/api/v1/sessions", {"application": catalogue["applications"][0]["id"]}
        )
        assert answer.status == 201, answer.body
        self.session = answer.json["session"]["id"]
        await self.until_state("ready", "active", "disconnected")
        await self.attach()

    async def return_to(self, earlier: Person) -> None:
        """The session of an earlier visit, once the portal shows it."""
        async with asyncio.timeout(patient(PATIENCE_SECONDS)):
            while earlier.session not in await self._listed():
                await asyncio.sleep(0.05)
        self.session, self.e, self.lines = earlier.session, earlier.e, earlier.lines

    async def _listed(self) -> list[str]:
        answer = await self._browser.get("/api/v1/catalogue")
        return [session["id"] for session in answer.json["sessions"]] if answer.status == 200 else []

    async def until_state(self, *states: str) -> None:
        async with asyncio.timeout(patient(PATIENCE_SECONDS)):
            while True:
                answer = await self._browser.get(f"/api/v1/sessions/{self.session}")
                now = answer.json.get("state") if answer.status == 200 else answer.code
                if now in states:
                    return
                assert answer.status == 200 or answer.status >= 500, answer.body
                await asyncio.sleep(0.05)

    async def attach(self) -> None:
        """By a new ticket, or the next one."""
        async with asyncio.timeout(patient(PATIENCE_SECONDS)):
            while True:
                answer = await self._browser.change("POST", f"/api/v1/sessions/{self.session}/ticket", {})
                assert answer.status == 200, answer.body
                if await self._is_attached(AdmitTicket(answer.json["ticket"])):
                    return
                await asyncio.sleep(0.1)

    async def resume(self) -> None:
        """By the grant alone: no broker is asked. As often as the page would, while the host is not linked yet."""
        async with asyncio.timeout(patient(PATIENCE_SECONDS)):
            while not await self._is_attached(AdmitGrant(self.grant)):
                await asyncio.sleep(0.1)

    async def renew(self) -> None:
        answer = await self._browser.change("POST", f"/api/v1/sessions/{self.session}/grant", {"e": self.e})
        assert answer.status == 200, answer.body
        self.grant = answer.json["grant"]

    async def type(self, line: str) -> None:
        """And wait until the application has it, once and in order."""
        assert self.stream is not None
        self.lines.append(line)
        self.stream.text(line)
        self.stream.key("Enter", "Enter")
        async with asyncio.timeout(patient(PATIENCE_SECONDS)):
            while (arrived := self._site.typed(self.session)) != self.lines:
                assert arrived == self.lines[:-1], (arrived[-3:], self.lines[-3:])
                await asyncio.sleep(0.02)

    def processes(self) -> set[int]:
        """Ids of everything that the session is made of."""
        return marked(self.session)

    async def log_off(self) -> None:
        answer = await self._browser.change("DELETE", f"/api/v1/sessions/{self.session}")
        assert answer.status == 202, answer.body
        await self.until_state("session_ended")
        await until(lambda: not any(psutil.pid_exists(pid) for pid in self.processes()), PATIENCE_SECONDS)

    async def leave(self) -> None:
        if self.stream is not None:
            with contextlib.suppress(Exception):
                await self.stream.drop()

    async def _is_attached(self, admission: AdmitTicket | AdmitGrant) -> bool:
        """False where the page would try again."""
        await self.leave()
        self.stream = await open_stream(self._site.ports["public"], admission, self._site.origin, "localhost")
        try:
            self.grant = (await self.stream.receive(Admitted)).grant
            self.e = _e_of(self.grant)
            await self.stream.attach(self.grant, self._browser.key, session=self.session, e=self.e)
        except StreamClosed as closed:
            if closed.code not in AGAIN:
                raise
            return False
        return True


def _e_of(grant: str) -> int:
    return int(json.loads(from_base64url(grant.split(".")[3]))["e"])
