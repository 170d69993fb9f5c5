"""Seals open with their key at their place, and nowhere else; the site key's file is guarded."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from broker.grid.seal import Seal, SealBroken, SiteKey
from portcullis.errors import InvalidInput

KEY = bytes(range(32))
PLACE = "/p/v1/site/meta"
DERIVED = "33dff4555482baa7ec9baf2cdeb313c2cf84bc20471d99862421f919e1acdfec"


@given(st.binary(max_size=300))
def test_a_sealed_value_opens_at_its_place(plain: bytes) -> None:
    assert Seal(KEY).open(PLACE, Seal(KEY).seal(PLACE, plain)) == plain


def test_the_layout_is_as_documented() -> None:
    nonce = bytes(range(12))
    place = b"portcullis-seal.v1\0" + PLACE.encode()
    sealed = b"\x01" + nonce + AESGCM(KEY).encrypt(nonce, b"plain", place)
    assert Seal(KEY).open(PLACE, sealed) == b"plain"


def test_two_seals_of_one_value_differ() -> None:
    assert len({Seal(KEY).seal(PLACE, b"plain") for _ in range(50)}) == 50


def test_a_seal_shows_nothing_of_its_value() -> None:
    assert b"canary" not in Seal(KEY).seal(PLACE, b"canary")


@pytest.mark.parametrize("place", ["/p/v1/site/meta2", "/p/v1/site/met", "/p/v1/t/0123456789abcdef/meta", ""])
def test_a_moved_value_does_not_open(place: str) -> None:
    with pytest.raises(SealBroken):
        Seal(KEY).open(place, Seal(KEY).seal(PLACE, b"plain"))


def test_another_key_does_not_open() -> None:
    with pytest.raises(SealBroken):
        Seal(bytes(32)).open(PLACE, Seal(KEY).seal(PLACE, b"plain"))


@given(st.data())
def test_an_altered_value_does_not_open(data: st.DataObject) -> None:
    sealed = bytearray(Seal(KEY).seal(PLACE, b"plain"))
    position = data.draw(st.integers(0, len(sealed) - 1))
    sealed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealBroken):
        Seal(KEY).open(PLACE, bytes(sealed))


@given(st.binary(max_size=60))
def test_what_was_never_sealed_does_not_open(garbage: bytes) -> None:
    for sealed in (garbage, b"\x01" + garbage):
        with pytest.raises(SealBroken):
            Seal(KEY).open(PLACE, sealed)


@pytest.mark.parametrize("length", range(34))
def test_a_truncated_value_does_not_open(length: int) -> None:
    sealed = Seal(KEY).seal(PLACE, b"plain")
    assert len(sealed) == 34
    with pytest.raises(SealBroken):
        Seal(KEY).open(PLACE, sealed[:length])


def test_purposes_have_keys_of_their_own() -> None:
    key = SiteKey(KEY)
    derived = [key.derive("site"), key.derive("site"), key.derive("other"), SiteKey(bytes(32)).derive("site")]
    assert derived[0] == derived[1]
    assert len({*derived, KEY}) == 4


def test_the_derivation_never_changes() -> None:
    """HKDF-SHA256 without salt, info `portcullis.site.v1`: existing grids open with nothing else."""
    assert SiteKey(KEY).derive("site").hex() == DERIVED


def test_neither_key_nor_seal_shows_itself() -> None:
    for thing in (SiteKey(KEY), Seal(KEY)):
        assert KEY.hex() not in repr(thing) + str(vars(thing).keys())
        assert "\\x01" not in repr(thing)


class TestFile:
    def test_it_is_kept_from_others(self, tmp_path: Path) -> None:
        created = SiteKey.create(tmp_path / "key")
        assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o400
        assert SiteKey.load(tmp_path / "key").derive("site") == created.derive("site")

    def test_each_is_new(self, tmp_path: Path) -> None:
        one, two = SiteKey.create(tmp_path / "one"), SiteKey.create(tmp_path / "two")
        assert one.derive("site") != two.derive("site")

    def test_an_existing_one_is_never_overwritten(self, tmp_path: Path) -> None:
        SiteKey.create(tmp_path / "key")
        before = (tmp_path / "key").read_bytes()
        with pytest.raises(InvalidInput, match="a new file"):
            SiteKey.create(tmp_path / "key")
        assert (tmp_path / "key").read_bytes() == before

    @pytest.mark.parametrize("mode", [0o440, 0o404, 0o620, 0o644])
    def test_one_that_others_may_read_is_refused(self, tmp_path: Path, mode: int) -> None:
        SiteKey.create(tmp_path / "key")
        (tmp_path / "key").chmod(mode)
        with pytest.raises(InvalidInput, match="chmod 0400"):
            SiteKey.load(tmp_path / "key")

    @pytest.mark.parametrize("content", [b"", b"00" * 31, b"00" * 33, b"zz" * 32, b"\xff" * 32, b"00" * 5000])
    def test_what_is_no_key_is_refused(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "key"
        path.write_bytes(content)
        path.chmod(0o400)
        with pytest.raises(InvalidInput, match="64 hex digits"):
            SiteKey.load(path)

    def test_a_missing_one_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="nowhere"):
            SiteKey.load(tmp_path / "nowhere")

    def test_a_folder_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="missing/key"):
            SiteKey.create(tmp_path / "missing" / "key")
