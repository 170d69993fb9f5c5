"""Every link of a page to another, or to a heading, leads there."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[3]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z]+:")
_CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def pages() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=TREE, check=True, capture_output=True, text=True)
    return listed.stdout.split()


@cache
def headings(page: Path) -> frozenset[str]:
    """As GitHub names them; of equal ones the second is `-1`."""
    found: list[str] = []
    for line in re.findall(r"^#{1,6} (.*)$", _CODE.sub("", page.read_text()), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line.strip().lower())
        name = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        found.append(f"{name}-{found.count(name)}" if name in found else name)
    return frozenset(found)


def leads_nowhere(page: Path, link: str) -> bool:
    path, _, heading = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return True
    return bool(heading) and target.suffix == ".md" and heading not in headings(target)


@pytest.mark.parametrize("page", pages())
def test_every_link_of_a_page_leads_somewhere(page):
    content = _CODE.sub("", (TREE / page).read_text())
    inside = [link for link in _LINK.findall(content) if not _ELSEWHERE.match(link)]
    assert [link for link in inside if leads_nowhere(TREE / page, link)] == []


@pytest.mark.parametrize("link", ["nowhere.md", "../README.md#nothing-of-this-name", "#neither-this"])
def test_a_link_that_leads_nowhere_is_found(link):
    assert leads_nowhere(TREE / "docs" / "api.md", link)
