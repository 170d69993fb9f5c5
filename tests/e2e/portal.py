"""What a person does in the portal, in words of the page: labels and roles, never the page's inner names."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyotp
from playwright.async_api import JSHandle, Page, expect

from tests.support.framebuffer import read_framebuffer
from tests.support.patience import patient, until

STEP_SECONDS = 30
BETWEEN_LOOKS_SECONDS = 0.05


@dataclass
class Person:
    username: str
    password: str
    totp_secret: str
    used_step: int = 0

    def fresh_code(self) -> str:
        """A code that was not used yet: this step's, or the next one's, which the broker admits as well."""
        step = max(int(time.time()) // STEP_SECONDS, self.used_step + 1)
        self.used_step = step
        return pyotp.TOTP(self.totp_secret).at(step * STEP_SECONDS)


async def sign_in(page: Page, url: str, person: Person) -> None:
    await page.goto(url)
    await page.get_by_label("User name").fill(person.username)
    await page.get_by_label("Password").fill(person.password)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_label("Verification code").fill(person.fresh_code())
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_label("Search applications")).to_be_visible()


async def launch(page: Page, application: str) -> str:
    """Click the tile and wait for the first picture. Returns the session's id."""
    await page.get_by_role("button", name=application, exact=True).click()
    return await wait_for_picture(page)


async def wait_for_picture(page: Page) -> str:
    session_id = await wait_for_session(page)
    failure = page.get_by_role("alert").get_by_role("heading")
    await expect(view(page).or_(failure).first).to_be_visible(timeout=1000 * patient(60))
    assert not await failure.is_visible(), await what_is_told(page)
    await until(lambda: framebuffer_path(session_id) is not None)
    await until_exact(page, session_id)
    return session_id


async def wait_for_session(page: Page) -> str:
    """Its id stands in the address as soon as it is placed."""
    await page.wait_for_url(re.compile(r"#/session/[0-9a-f]{16}"), timeout=1000 * patient(60))
    return page.url.rpartition("/")[2]


async def what_is_told(page: Page) -> str:
    """For the message of a test that fails: the page says why there is no picture, and a reference for the logs."""
    return f"{page.url}: {await page.locator('body').inner_text()}"


def view(page: Page):  # type: ignore[no-untyped-def]
    return page.locator("canvas").first


TAKE = """() => {
    const canvas = document.querySelector('canvas');
    if (canvas === null) return null;
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    const context = copy.getContext('2d', {alpha: false, willReadFrequently: true});
    context.drawImage(canvas, 0, 0);
    return context.getImageData(0, 0, canvas.width, canvas.height);
}"""
"""What the canvas holds. It stays in the page, where two looks are compared: four megabytes each."""
SHARE_OF_CHANGE = """([one, other]) => {
    if (!one || !other || one.width !== other.width || one.height !== other.height) return 1;
    const [before, after] = [one, other].map((look) => new Uint32Array(look.data.buffer));
    let changed = 0;
    for (let at = 0; at < before.length; at++) changed += before[at] !== after[at];
    return changed / before.length;
}"""
DIGEST = f"""async () => {{
    const look = ({TAKE})();
    if (look === null) return null;
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', look.data));
    return [look.width, look.height, Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')];
}}"""


@dataclass(frozen=True)
class Look:
    """A picture that was seen, in the page that showed it."""

    page: Page
    held: JSHandle

    async def change_to(self, later: Look) -> float:
        """Share of the pixels that differ, 1 for pictures of different sizes."""
        return float(await self.page.evaluate(SHARE_OF_CHANGE, [self.held, later.held]))


async def look_at(page: Page) -> Look:
    return Look(page, await page.evaluate_handle(TAKE))


async def picture(page: Page) -> np.ndarray:
    """What the canvas holds, RGB. Shape (height, width, 3), in display pixels."""
    answer = await page.evaluate(
        f"""() => {{
            const look = ({TAKE})();
            if (look === null) return null;
            let text = '';
            for (let i = 0; i < look.data.length; i += 32768)
                text += String.fromCharCode(...look.data.subarray(i, i + 32768));
            return [look.width, look.height, btoa(text)];
        }}"""
    )
    assert answer is not None, await what_is_told(page)
    width, height, encoded = answer
    return np.frombuffer(base64.b64decode(encoded), np.uint8).reshape(height, width, 4)[:, :, :3]


def framebuffer_path(session_id: str) -> Path | None:
    return next(Path("/dev/shm").glob(f"*{session_id}*/Xvfb_screen0"), None)


def framebuffer(session_id: str, width: int, height: int) -> np.ndarray:
    path = framebuffer_path(session_id)
    assert path is not None
    return read_framebuffer(path, width, height)


async def until_exact(page: Page, session_id: str) -> np.ndarray:
    """Wait until the view equals the X framebuffer in every pixel (a blinking caret makes it miss a look)."""
    shown = np.zeros((1, 1, 3), np.uint8)

    async def is_exact() -> bool:
        nonlocal shown
        answer = await page.evaluate(DIGEST)
        assert answer is not None, await what_is_told(page)
        width, height, digest = answer
        shown = framebuffer(session_id, width, height)
        return bool(shown.any()) and digest == digest_of(shown)

    await until(is_exact, every=BETWEEN_LOOKS_SECONDS)
    return shown


def digest_of(rgb: np.ndarray) -> str:
    """As the page takes it of its own picture."""
    opaque = np.full((*rgb.shape[:2], 1), 255, np.uint8)
    return hashlib.sha256(np.concatenate([rgb, opaque], axis=2).tobytes()).hexdigest()


async def settled(page: Page) -> Look:
    """Wait until the picture rests: three looks in turn differ by no more than a blinking caret."""
    looks = [await look_at(page)]

    async def rests() -> bool:
        looks.append(await look_at(page))
        if len(looks) <= 3:
            return False
        await looks.pop(0).held.dispose()
        return all([await look.change_to(looks[-1]) < 0.001 for look in looks[:2]])

    await until(rests, every=BETWEEN_LOOKS_SECONDS)
    return looks[-1]
