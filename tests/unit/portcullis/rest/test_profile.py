from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.rest.profile import Profile, ProfileError, find, is_base_url, parse, read

TOKEN = f"api_{'0' * 16}_{'a' * 64}"


def written(path: Path, mode: int = 0o600, **fields: object) -> Path:
    path.write_text(json.dumps({"url": "http://localhost:8080", "token": TOKEN, **fields}))
    path.chmod(mode)
    return path


def test_a_profile_is_read(tmp_path: Path) -> None:
    assert read(written(tmp_path / "p.json")) == Profile("http://localhost:8080", TOKEN)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_one_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ProfileError, match="can be read by others"):
        read(written(tmp_path / "p.json", mode))


def test_a_missing_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"p\.json: No such file"):
        read(tmp_path / "p.json")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": None}, "url: expected"),
        ({"url": "http://portcullis.example"}, "url: expected"),
        ({"token": "x"}, "token: expected"),
        ({"token": TOKEN.replace("api", "join")}, "token: expected"),
        ({"token": TOKEN + "\n"}, "token: expected"),
        ({"ca_cert": 5}, "ca_cert: expected"),
    ],
)
def test_a_wrong_field_is_named_and_the_token_is_not_shown(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ProfileError, match=message) as caught:
        parse(json.dumps({"url": "http://localhost:1", "token": TOKEN, **fields}).encode(), "p")
    assert "a" * 64 not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff"])
def test_what_is_no_profile_is_refused(content: bytes) -> None:
    with pytest.raises(ProfileError):
        parse(content, "p")


def test_the_token_stands_in_no_repr() -> None:
    assert "aaaa" not in repr(Profile("http://localhost:1", TOKEN))


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080",
        "http://127.0.0.1:1/",
        "http://[::1]:2",
        "https://gate.example",
        "https://a:8443",
    ],
)
def test_loopback_and_https_are_taken(url: str) -> None:
    assert is_base_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://gate.example",  # the token would be readable on the way
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost@evil.example",
        "https://a:b@gate.example",
        "https://gate.example/path",
        "https://gate.example?x",
        "https://gate.example#x",
        "https://gate.example:0",
        "https://gate.example:99999",
        "https://gate.example\r\nX: y",
        "https://",
        "ftp://localhost",
        "localhost:8080",
        "",
    ],
)
def test_anything_else_is_no_place_for_a_token(url: str) -> None:
    assert not is_base_url(url)


@given(st.text(max_size=30))
def test_no_text_breaks_the_check(text: str) -> None:
    assert is_base_url(text) in (True, False)


def test_the_one_that_is_named_comes_first(tmp_path: Path) -> None:
    assert find(tmp_path / "named", str(tmp_path / "variable")) == tmp_path / "named"
    assert find(None, str(tmp_path / "variable")) == tmp_path / "variable"


def test_the_clones_comes_before_the_homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone, home = tmp_path / "clone", tmp_path / "home"
    monkeypatch.setattr("sys.prefix", str(clone / ".venv"))
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(ProfileError, match=str(clone)):
        find(None, "")
    (home / ".config/portcullis").mkdir(parents=True)
    usual = written(home / ".config/portcullis/profile.json")
    assert find(None, "") == usual
    (clone / "var").mkdir(parents=True)
    left_by_quickstart = written(clone / "var/profile.json")
    assert find(None, "") == left_by_quickstart
