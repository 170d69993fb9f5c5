"""The arguments of a member, and which program is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from portcullis.lab import etcd_member
from portcullis.lab.etcd_member import Member, Tls

TLS = Tls(Path("/c/ca.pem"), Path("/c/member.pem"), Path("/c/member.key"))


def member(name: str, tls: Tls | None = TLS) -> Member:
    return Member(name, Path("/d") / name, "127.0.0.1:1", f"{name}:2", "127.0.0.1:3", f"{name}:4", None, tls)


def test_a_member_listens_behind_and_tells_the_others_the_door() -> None:
    words = etcd_member.arguments(member("a"), [member("a"), member("b")], "token")
    given = dict(zip(words[::2], words[1::2], strict=False))
    assert given["--listen-client-urls"] == "https://127.0.0.1:1"
    assert given["--advertise-client-urls"] == "https://a:2"
    assert given["--initial-cluster"] == "a=https://a:4,b=https://b:4"
    for kind in ("", "peer-"):
        assert f"--{kind}client-cert-auth" in words
        assert words[words.index(f"--{kind}trusted-ca-file") + 1] == "/c/ca.pem"


def test_without_tls_it_speaks_plainly() -> None:
    words = etcd_member.arguments(member("a", None), [member("a", None)], "token")
    assert not any("https" in word or "cert" in word for word in words)


def program(path: Path, version: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\necho etcd Version: {version}\n")
    path.chmod(0o755)
    return str(path)


def test_the_named_program_is_taken_else_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = program(tmp_path / "old/etcd", "3.3.1"), program(tmp_path / "new/etcd", "99.0.2")
    monkeypatch.setenv("PATH", f"{Path(new).parent}:/usr/bin:/bin")
    monkeypatch.delenv(etcd_member.VARIABLE, raising=False)
    assert etcd_member.find() == (Path(new), (99, 0, 2))
    monkeypatch.setenv(etcd_member.VARIABLE, old)
    assert etcd_member.find() == (Path(old), (3, 3, 1))
    monkeypatch.setenv(etcd_member.VARIABLE, str(tmp_path / "nothing"))
    assert etcd_member.find() is None
