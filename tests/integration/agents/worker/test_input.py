"""Keys, text, pointer and wheel: real applications tell what arrived."""

import asyncio

import pytest

from portcullis.protocol import messages as m
from tests.support.patience import until
from tests.support.worker_session import worker_session

TEXT = "Héllo Wörld ß€ ñ Привет 漢字 😀 ~@{}"
US_CODES = {"a": "KeyA", "b": "KeyB", "c": "KeyC", " ": "Space", "1": "Digit1", "-": "Minus"}


class Typed:
    """An xterm whose shell writes what it reads to a file, character by character."""

    def __init__(self, x):
        self.path = x.folder / "typed"
        x.start("xterm", "-u8", "-e", "sh", "-c", f"stty raw -echo; cat > {self.path}")

    @property
    def text(self) -> str:
        return self.path.read_bytes().decode(errors="replace") if self.path.exists() else ""

    async def is_ready(self, x, client):
        await x.window("--class", "xterm")
        client.click(50, 50)
        await until(self.path.exists)

    async def is_exactly(self, text):
        try:
            await until(lambda: len(self.text) >= len(text), 8)
        except TimeoutError:
            pass
        assert self.text == text


async def test_text_arrives_exactly(x, session):
    typed = Typed(x)
    client = await session.attach_drawn()
    await typed.is_ready(x, client)
    client.text(TEXT)
    await typed.is_exactly(TEXT)


async def test_characters_typed_as_keys_arrive_exactly(x, session):
    typed = Typed(x)
    client = await session.attach_drawn()
    await typed.is_ready(x, client)
    for character in TEXT:
        client.key(US_CODES.get(character.lower(), ""), character)
    await typed.is_exactly(TEXT)


async def test_more_foreign_characters_than_spare_keys_arrive_in_order(x, session):
    typed = Typed(x)
    client = await session.attach_drawn()
    await typed.is_ready(x, client)
    text = "".join(chr(0x4E00 + number) for number in range(150)) + "abc"
    client.text(text)
    await typed.is_exactly(text)


@pytest.mark.parametrize(
    ("layout", "keys"),
    [
        ("de", [("KeyZ", "y", 0), ("KeyY", "z", 0), ("Minus", "ß", 0), ("Quote", "ä", 0), ("KeyQ", "@", m.ALT_GRAPH),
                ("KeyE", "€", m.ALT_GRAPH), ("Digit7", "/", m.SHIFT), ("BracketRight", "~", m.ALT_GRAPH)]),
        ("fr", [("KeyQ", "a", 0), ("Digit1", "&", 0), ("Digit1", "1", m.SHIFT), ("Digit0", "@", m.ALT_GRAPH)]),
        ("ru", [("KeyF", "а", 0), ("KeyF", "А", m.SHIFT), ("Backquote", "ё", 0), ("KeyQ", "q", 0)]),
        ("nonsense", [("KeyA", "a", 0), ("KeyA", "A", m.SHIFT), ("", "ü", 0)]),
    ],
)  # fmt: skip
async def test_keys_of_the_user_s_layout_arrive(x, layout, keys):
    typed = Typed(x)
    async with worker_session(x, layout=layout) as session:
        client = await session.attach_drawn()
        await typed.is_ready(x, client)
        for code, text, modifiers in keys:
            client.key(code, text, modifiers)
        await typed.is_exactly("".join(text for _, text, _ in keys))


async def test_windows_way_of_alt_graph_types_the_character(x):
    """Windows browsers report AltGraph as ControlLeft and AltRight, with the flags of Control and Alt."""
    typed = Typed(x)
    async with worker_session(x, layout="de") as session:
        client = await session.attach_drawn()
        await typed.is_ready(x, client)
        all_three = m.CONTROL | m.ALT | m.ALT_GRAPH
        client.send(
            m.Key(client.next_input(), True, m.CONTROL, 0, "ControlLeft", "Control"),
            m.Key(client.next_input(), True, all_three, 0, "AltRight", "AltGraph"),
        )
        client.key("KeyQ", "@", all_three)
        client.send(
            m.Key(client.next_input(), False, m.ALT_GRAPH, 0, "ControlLeft", "Control"),
            m.Key(client.next_input(), False, 0, 0, "AltRight", "AltGraph"),
        )
        client.key("KeyA", "a")
        await typed.is_exactly("@a")


async def test_caps_lock_and_shift_give_what_the_browser_says(x, session):
    typed = Typed(x)
    client = await session.attach_drawn()
    await typed.is_ready(x, client)
    client.key("KeyA", "A", 0, m.CAPS_LOCK)
    client.key("KeyA", "a", m.SHIFT, m.CAPS_LOCK)
    client.key("Digit1", "1", 0, m.CAPS_LOCK)
    client.key("KeyA", "a", 0, 0)
    client.key("KeyA", "A", m.SHIFT, 0)
    await typed.is_exactly("Aa1aA")


async def test_keypad_gives_digits_or_arrows_as_the_browser_says(x, session):
    typed = Typed(x)
    client = await session.attach_drawn()
    await typed.is_ready(x, client)
    client.key("Numpad8", "8", 0, m.NUM_LOCK)
    client.key("Numpad8", "8", 0, 0)
    client.key("Numpad8", "ArrowUp", 0, m.NUM_LOCK)
    client.key("NumpadAdd", "+", 0, 0)
    client.key("Digit8", "8")
    await typed.is_exactly("88\x1b[A+8")


async def test_named_keys_arrive(x, session):
    typed = Typed(x)
    client = await session.attach_drawn()
    await typed.is_ready(x, client)
    for name in ("Enter", "Tab", "Escape", "ArrowLeft", "Delete", "F5"):
        client.key(name, name)
    await typed.is_exactly("\r\t\x1b\x1b[D\x1b[3~\x1b[15~")


async def test_modifier_whose_release_was_lost_does_not_stick(x, session):
    typed = Typed(x)
    client = await session.attach_drawn()
    await typed.is_ready(x, client)
    client.send(m.Key(client.next_input(), True, m.CONTROL, 0, "ControlLeft", "Control"))
    client.key("KeyA", "a", m.CONTROL)
    client.key("KeyB", "b", 0)
    client.key("KeyC", "c", m.CONTROL)  # its press was lost instead
    client.key("KeyA", "a", 0)
    await typed.is_exactly("\x01b\x03a")


async def test_repeated_downs_are_repetitions_and_nothing_repeats_by_itself(x, session):
    typed = Typed(x)
    client = await session.attach_drawn()
    await typed.is_ready(x, client)
    for _ in range(5):
        client.send(m.Key(client.next_input(), True, 0, 0, "KeyA", "a"))
    await until(lambda: len(typed.text) >= 5)
    await asyncio.sleep(0.8)  # X would begin to repeat after 660 ms: nothing tells of what does not happen
    client.send(m.Key(client.next_input(), False, 0, 0, "KeyA", "a"))
    client.key("KeyB", "b")
    await typed.is_exactly("aaaaab")


async def test_held_key_is_up_though_another_client_attaches_amid_a_long_text(x, session):
    xcb = x.connection()
    client = await session.attach_drawn()
    client.send(m.Key(client.next_input(), True, 0, 0, "KeyA", "a"))
    await until(lambda: any(xcb.core.QueryKeymap().reply().keys))
    client.text(
        "".join(chr(0x4E00 + number) for number in range(600))
    )  # more than there are spare keys: it takes a while
    await client.drop()
    await session.until(lambda: session.state.connections == 0)
    await session.attach()
    await until(lambda: not any(xcb.core.QueryKeymap().reply().keys))
    xcb.disconnect()


async def test_held_keys_are_released_when_the_client_vanishes(x, session):
    client = await session.attach_drawn()
    log = (x.folder / "xev").open("wb")
    x.start("xev", "-event", "keyboard", "-event", "button", "-geometry", "300x300+0+0", stdout=log)
    await x.window("--name", "Event Tester")
    client.send(
        m.Pointer(client.next_input(), 100, 100, 0, 0),
        m.Pointer(client.next_input(), 100, 100, 1, 0),
        m.Key(client.next_input(), True, m.SHIFT, 0, "ShiftLeft", "Shift"),
        m.Key(client.next_input(), True, m.SHIFT, 0, "KeyA", "A"),
    )
    await client.until(lambda: client.last_input_applied == client.input)
    await client.drop()

    def events(kind):
        return (x.folder / "xev").read_text().count(kind)

    await until(lambda: events("KeyRelease event") >= 2 and events("ButtonRelease event") >= 1)
    log.close()
    assert events("KeyPress event") == events("KeyRelease event") == 2


@pytest.mark.parametrize("kind", ["release all", "takeover"])
async def test_held_keys_are_released_on(x, session, kind):
    client = await session.attach_drawn()
    log = (x.folder / "xev").open("wb")
    x.start("xev", "-event", "keyboard", "-geometry", "300x300+0+0", stdout=log)
    await x.window("--name", "Event Tester")
    client.send(m.Pointer(client.next_input(), 100, 100, 0, 0))
    client.send(m.Key(client.next_input(), True, 0, 0, "KeyA", "a"))
    await client.until(lambda: client.last_input_applied == client.input)
    if kind == "release all":
        client.send(m.ReleaseAll(client.next_input()))
    else:
        await session.attach()
    await until(lambda: "KeyRelease event" in (x.folder / "xev").read_text())
    log.close()


async def test_buttons_and_wheel_arrive_as_x_numbers_them(x, session):
    client = await session.attach_drawn()
    log = (x.folder / "xev").open("wb")
    x.start("xev", "-event", "button", "-geometry", "300x300+0+0", stdout=log)
    await x.window("--name", "Event Tester")
    for bit in (1, 2, 4, 8, 16):
        client.click(100, 100, bit)
    client.send(m.Wheel(client.next_input(), 100, 100, 0, 120, 0))
    for _ in range(3):
        client.send(m.Wheel(client.next_input(), 100, 100, 0, -40, 0))
    client.send(m.Wheel(client.next_input(), 100, 100, -120, 0, 0))
    client.send(m.Wheel(client.next_input(), 100, 100, 120, 0, 0))
    client.send(m.Wheel(client.next_input(), 100, 100, 0, 119, 0))

    def pressed():
        lines = (x.folder / "xev").read_text().split("\n\n")
        return [part.split("button ")[1].split(",")[0] for part in lines if part.startswith("ButtonPress")]

    await until(lambda: len(pressed()) >= 9)
    await client.until(lambda: client.last_input_applied == client.input)
    log.close()
    assert pressed() == ["1", "3", "2", "8", "9", "5", "4", "6", "7"]


async def test_pointer_is_where_the_client_points(x, session):
    client = await session.attach_drawn()
    client.send(m.Pointer(client.next_input(), 321, 123, 0, 0))
    await client.until(lambda: client.last_input_applied == client.input)
    assert "x:321 y:123 " in await x.run("xdotool", "getmouselocation")
    client.send(m.Pointer(client.next_input(), 65535, 65535, 0, 0))
    await client.until(lambda: client.last_input_applied == client.input)
    assert "x:799 y:599 " in await x.run("xdotool", "getmouselocation")


async def redraws(client, act):
    """The application has answered: more of its picture changed than a blinking caret. It ignores a shortcut whose
    menu item is not enabled yet, so that none may come before the effect of the one before it."""
    before = client.picture.copy()
    act()
    await client.until(lambda: (client.picture != before).any(axis=2).sum() > 300)


async def test_editor_takes_text_and_shortcuts(x, session):
    """Ctrl+A, Ctrl+X, Ctrl+V twice, Ctrl+S in a GTK application; Ctrl+С of a Russian keyboard is Ctrl+C."""
    path = x.folder / "note.txt"
    path.write_text("")
    await x.window_manager()
    x.start("dbus-run-session", "mousepad", "--disable-server", str(path))
    await x.window("--name", "Mousepad")
    client = await session.attach_drawn()
    client.click(300, 300)
    await redraws(client, lambda: client.text(TEXT))
    client.send(m.Key(client.next_input(), True, m.CONTROL, 0, "ControlLeft", "Control"))
    await redraws(client, lambda: client.key("KeyA", "a", m.CONTROL))
    client.key("KeyC", "с", m.CONTROL)
    await client.until(lambda: client.clipboard == TEXT)
    for code, text in (("KeyX", "x"), ("KeyV", "v"), ("KeyV", "v")):
        await redraws(client, lambda code=code, text=text: client.key(code, text, m.CONTROL))

    def is_saved():
        client.key("KeyS", "s", m.CONTROL)  # GTK pastes in its own time
        return path.read_text().rstrip("\n") == TEXT * 2

    await until(is_saved)
    assert client.closed is None


async def test_input_without_permission_is_not_applied_yet_acknowledged(x, session):
    typed = Typed(x)
    await x.window("--class", "xterm")
    await until(typed.path.exists)
    client = await session.attach(channels=frozenset({"display"}))
    assert (await client.receive(m.Welcome)).permissions == 0
    client.click(50, 50)
    client.key("KeyA", "a")
    await client.until(lambda: client.last_input_applied == client.input)
    assert "x:50 y:50 " not in await x.run("xdotool", "getmouselocation")
    assert typed.text == ""
