"""What a user changed of the registry comes along into a newer template; nothing else does."""

from agents.linux.wine.registry import is_registry, merged, renamed, scaled

HEAD = b"WINE REGISTRY Version 2\n;; All keys relative to \\\\User\\\\S-1-5-21\n\n#arch=win64\n"


def file(*keys: bytes) -> bytes:
    return HEAD + b"".join(b"\n" + key for key in keys)


PEN = b'[Software\\\\Pen] 100\n#time=1\n"Colour"="red"\n"Size"=dword:00000001\n"Blob"=hex:00,01,\\\n  02,03\n'


def test_what_nobody_changed_is_the_newer_template() -> None:
    new = file(PEN.replace(b"red", b"blue"), b'[Software\\\\Ink] 7\n@="full"\n')
    assert merged(file(PEN), file(PEN), new) == new


def test_what_the_user_changed_stays() -> None:
    mine = file(PEN.replace(b'"red"', b'"green"').replace(b"02,03", b"02,ff"))
    got = merged(file(PEN), mine, file(PEN.replace(b"red", b"blue").replace(b"00000001", b"00000009")))
    assert b'"Colour"="green"' in got
    assert b"02,ff" in got
    assert b"dword:00000009" in got


def test_what_the_user_added_comes_along_and_what_they_took_away_stays_away() -> None:
    mine = file(PEN.replace(b'"Colour"="red"\n', b"") + b'"Own"="x\\\\"\n', b'[Software\\\\Mine] 5\n@="1"\n')
    got = merged(file(PEN), mine, file(PEN))
    assert b"Colour" not in got
    assert b'"Own"="x\\\\"' in got
    assert b'[Software\\\\Mine] 5\n@="1"' in got


def test_what_the_template_changed_as_well_is_not_taken_away() -> None:
    mine = file(PEN.replace(b'"Colour"="red"\n', b""))
    assert b'"Colour"="blue"' in merged(file(PEN), mine, file(PEN.replace(b"red", b"blue")))


def test_what_the_newer_template_dropped_comes_back_only_with_a_change_of_the_user() -> None:
    assert b"Pen" not in merged(file(PEN), file(PEN), file())
    assert b'"Colour"="green"' in merged(file(PEN), file(PEN.replace(b"red", b"green")), file())


def test_a_text_that_looks_like_more_lines_is_one() -> None:
    odd = b'[K] 1\n"a"="C:\\\\"\n"b"="[x]"\n'
    assert merged(file(), file(odd), file()) == file(odd)


def test_the_profile_is_renamed_where_it_is_meant() -> None:
    text = b'"a"="C:\\\\users\\\\%s\\\\Temp"\n"b"="C:\\\\Users\\\\%s"\n"c"="C:\\\\users\\\\makers\\\\x"\n"d"="maker"\n'
    assert renamed(text % (b"maker", b"maker"), "maker", "ann") == text % (b"ann", b"ann")


def test_the_scale_is_set_and_nothing_else() -> None:
    desktop = b'[Control Panel\\\\Desktop] 5\n"LogPixels"=dword:00000060\n"Wait"="1"\n'
    assert scaled(file(desktop, PEN), 144) == file(desktop.replace(b"00000060", b"00000090"), PEN)
    assert scaled(file(desktop), 96) == file(desktop)
    assert b'"LogPixels"=dword:000000c0' in scaled(file(PEN), 192)


def test_what_is_no_registry_is_told() -> None:
    assert is_registry(file()) and not is_registry(b"") and not is_registry(b"\0" * 64)
