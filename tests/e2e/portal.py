"""What a person does in the portal, in words of the page: labels and roles, never the page's inner names."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyotp
from playwright.async_api import Page, expect

from tests.support.framebuffer import read_framebuffer

STEP_SECONDS = 30


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
    await expect(view(page).or_(failure).first).to_be_visible(timeout=60_000)
    assert not await failure.is_visible(), await what_is_told(page)
    await until(lambda: framebuffer_path(session_id) is not None)
    await until_exact(page, session_id)
    return session_id


async def wait_for_session(page: Page) -> str:
    """Its id stands in the address as soon as it is placed."""
    await page.wait_for_url(re.compile(r"#/session/[0-9a-f]{16}"), timeout=60_000)
    return page.url.rpartition("/")[2]


async def what_is_told(page: Page) -> str:
    """For the message of a test that fails: the page says why there is no picture, and a reference for the logs."""
    return f"{page.url}: {await page.locator('body').inner_text()}"


def view(page: Page):  # type: ignore[no-untyped-def]
    return page.locator("canvas").first


async def picture(page: Page) -> np.ndarray:
    """What the canvas holds, RGB. Shape (height, width, 3), in display pixels."""
    answer = await page.evaluate(
        """() => {
            const canvas = document.querySelector('canvas');
            if (canvas === null) return null;
            const copy = new OffscreenCanvas(canvas.width, canvas.height);
            const context = copy.getContext('2d', {alpha: false, willReadFrequently: true});
            context.drawImage(canvas, 0, 0);
            const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
            let text = '';
            for (let i = 0; i < data.length; i += 32768)
                text += String.fromCharCode(...data.subarray(i, i + 32768));
            return [canvas.width, canvas.height, btoa(text)];
        }"""
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
        shown = await picture(page)
        height, width = shown.shape[:2]
        return bool(shown.any()) and np.array_equal(shown, framebuffer(session_id, width, height))

    await until(is_exact)
    return shown


async def settled(page: Page) -> np.ndarray:
    """Wait until the picture rests: three looks in turn differ by no more than a blinking caret."""
    looks = [await picture(page)]

    async def rests() -> bool:
        looks.append(await picture(page))
        return len(looks) > 3 and all(share_of_change(looks[-1], look) < 0.001 for look in looks[-3:-1])

    await until(rests)
    return looks[-1]


def share_of_change(one: np.ndarray, other: np.ndarray) -> float:
    """Share of the pixels that differ, 1 for pictures of different sizes."""
    return 1.0 if one.shape != other.shape else float((one != other).any(axis=2).mean())


async def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until the condition holds; it may be a coroutine function. Fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        await asyncio.sleep(0.05)
