"""How a page looks, to axe-core and at its edges. Pictures of what was looked at: tests/output/NAME.png.

What axe finds depends on what a page says and how it is built; of that, dark colours change contrast alone, and a
small screen the sizes of targets and what scrolls. A screen is looked at in full once, and in the dark on a phone for
the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import Page

OUTPUT = Path(__file__).parents[1] / "output"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ON_PHONES = {"type": "rule", "values": ["color-contrast", "target-size", "scrollable-region-focusable"]}
PHONE = {"width": 360, "height": 740}


async def settled(page: Page) -> None:
    """Colours are judged when what appears has appeared; what turns for ever is left out.

    What another size or scheme changes is there a frame later, and may begin to appear only then.
    """
    await page.evaluate(
        """async () => {
            const frame = () => new Promise(requestAnimationFrame);
            const running = () => document.getAnimations()
                .filter((each) => each.playState === "running")
                .filter((each) => each.effect.getComputedTiming().endTime !== Infinity);
            do {
                await Promise.all(running().map((each) => each.finished.catch(() => {})));
                await frame();
                await frame();
            } while (running().length);
        }"""
    )


async def look(page: Page, name: str, rules: list[str] | dict[str, Any] = RULES) -> None:
    """`axe` is a script of the page's context. Nothing wrong is found, and something was looked at."""
    await settled(page)
    OUTPUT.mkdir(exist_ok=True)
    await page.screenshot(path=OUTPUT / f"{name}.png")
    found = await page.evaluate("(rules) => axe.run({ runOnly: rules })", rules)
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]] == []
    assert len(found["passes"]) > (10 if rules is RULES else 0)


async def look_in_the_dark_on_a_phone(page: Page, name: str) -> None:
    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size(PHONE)
    await look(page, name, ON_PHONES)
    await nothing_is_beyond_the_edge(page)


async def nothing_is_beyond_the_edge(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    beyond = await page.evaluate(
        """() => [...document.querySelectorAll('button, input')]
            .filter((each) => each.checkVisibility({ visibilityProperty: true }))
            .filter((each) => each.getBoundingClientRect().right > innerWidth)
            .map((each) => each.textContent)"""
    )
    assert beyond == []
