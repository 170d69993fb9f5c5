"""Events as SendInput reads them."""

from agents.windows.strokes import KeyEvent, MouseEvent, record


def test_key_has_virtual_key_and_scan_code():
    key = record(KeyEvent(0x25, 0x4B, is_extended=True, is_up=True))
    assert key.kind == 1
    keyboard = key.any.keyboard
    assert (keyboard.virtual_key, keyboard.scan, keyboard.flags) == (0x25, 0x4B, 0x3)


def test_character_has_no_virtual_key():
    keyboard = record(KeyEvent(0, 0x6F22, is_unicode=True)).any.keyboard
    assert (keyboard.virtual_key, keyboard.scan, keyboard.flags) == (0, 0x6F22, 0x4)


def test_wheel_s_data_is_signed():
    mouse = record(MouseEvent(0x0800, data=-120))
    assert (mouse.kind, mouse.any.mouse.data) == (0, 0xFFFFFF88)


def test_events_carry_what_is_to_stand_beside_them():
    assert record(KeyEvent(0x25, 0x4B), 0x504F5254).any.keyboard.extra == 0x504F5254
    assert record(MouseEvent(0x0001), 0x504F5254).any.mouse.extra == 0x504F5254
