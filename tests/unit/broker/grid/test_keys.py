"""Paths and keys: whatever is not a path is refused, and no path leaves its scope."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.grid import keys
from broker.grid.keys import InvalidPath

TENANT = "0123456789abcdef"

scopes = st.just(keys.SITE) | st.from_regex(r"\A[0-9a-f]{16}\Z")
segments = st.from_regex(r"\A[a-z0-9.-]{1,20}\Z").filter(lambda text: text.strip("."))
paths = st.lists(segments, min_size=1, max_size=5).map(tuple)


def test_keys_read_as_documented() -> None:
    assert keys.key("site", ("slot", "h1", "3")) == "/p/v1/site/slot/h1/3"
    assert keys.key(TENANT, ("user", "a")) == f"/p/v1/t/{TENANT}/user/a"


@given(scopes, paths)
def test_a_key_leads_back_to_its_path(scope: str, path: keys.Path) -> None:
    assert keys.parse(keys.key(scope, path)) == (scope, path)


@given(scopes, paths, scopes, paths)
def test_no_two_places_share_a_key(scope: str, path: keys.Path, other: str, other_path: keys.Path) -> None:
    same = (scope, path) == (other, other_path)
    assert (keys.key(scope, path) == keys.key(other, other_path)) is same


@given(scopes, paths, scopes)
def test_a_key_lies_below_its_own_scope_alone(scope: str, path: keys.Path, other: str) -> None:
    assert keys.key(scope, path).startswith(keys.prefix(other)) is (scope == other)


@given(st.text(max_size=20) | st.text("abAB09.-/_\0\n ", max_size=6))
def test_a_text_is_a_segment_or_refused(text: str) -> None:
    is_segment = (
        bool(text) and set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-") and text.strip(".") != ""
    )
    try:
        key = keys.key(TENANT, ("user", text))
    except InvalidPath:
        assert not is_segment
    else:
        assert is_segment
        assert key == f"/p/v1/t/{TENANT}/user/{text}"


@pytest.mark.parametrize(
    "segment",
    [
        "",
        ".",
        "..",
        "...",
        "a/b",
        "/",
        "a\0",
        "\0",
        "a\n",
        "A",
        "ä",
        "a b",
        "a_b",
        "٣",
        "x" * 129,
        None,
        1,
        b"a",
        "*",
    ],
)
def test_what_is_no_segment_is_refused(segment: object) -> None:
    for path in (("user", segment), (segment,), (segment, "a")):
        with pytest.raises(InvalidPath):
            keys.key(TENANT, path)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [(), "user", "user/a", ["user", "a"], None])
def test_what_is_no_path_is_refused(path: object) -> None:
    with pytest.raises(InvalidPath):
        keys.key(TENANT, path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "scope", ["", "t", "Site", "../site", TENANT + "0", TENANT[1:], TENANT.upper(), f"{TENANT}\n"]
)
def test_what_is_no_scope_is_refused(scope: str) -> None:
    with pytest.raises(InvalidPath):
        keys.key(scope, ("user", "a"))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/p/v1/",
        "/p/v1/site",
        "/p/v1/site/",
        "/p/v1/t",
        "/p/v1/t/",
        f"/p/v1/t/{TENANT}",
        f"/p/v1/t/{TENANT}/",
        "/p/v1/t/site/user/a",
        "/p/v1/site/a//b",
        "/p/v1/site/a/../b",
        "/p/v2/site/a",
        "/p/v1/other/a",
        f"/p/v1/{TENANT}/user/a",
        "p/v1/site/a",
    ],
)
def test_a_foreign_key_has_no_place(key: str) -> None:
    assert keys.parse(key) is None


@given(st.text(max_size=60) | paths.map(lambda path: keys.ROOT + "/".join(path)))
def test_parsing_never_fails_and_never_lies(text: str) -> None:
    place = keys.parse(text)
    assert place is None or keys.key(*place) == text
