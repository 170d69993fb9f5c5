"""Reads the keyboard map of an X server by XKB: layout.py says what it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xcffib.xkb as xkb

from agents.linux.layout import Group, KeyType, Layout
from agents.linux.x11 import XConnection

CORE_KEYBOARD = 0x100
_PARTS = xkb.MapPart.KeyTypes | xkb.MapPart.KeySyms | xkb.MapPart.ModifierMap
_GROUPS = 0x0F
"""Of `groupInfo`: how many groups the key has."""


def read_layout(x: XConnection, lent: Mapping[int, int]) -> tuple[Layout, set[int]]:
    """The layout, and which of `lent` (keycode -> the keysym that it was given) still are: no part of the layout.

    Raises xcffib.Error when the server has no XKB.
    """
    extension = x.extension(xkb.key)
    nothing = (0,) * 17
    answer: Any = x.reply(extension.GetMap(CORE_KEYBOARD, _PARTS, *nothing))
    types = [_key_type(each) for each in answer.types_rtrn]
    keys = {answer.firstKeySym + index: _groups(key, types) for index, key in enumerate(answer.syms_rtrn)}
    still = {keycode for keycode, keysym in lent.items() if _keysyms(keys.get(keycode, [])) == {keysym}}
    layout = {keycode: groups for keycode, groups in keys.items() if keycode not in still}
    return Layout(layout, {each.keycode: each.mods for each in answer.modmap_rtrn}), still


def _keysyms(groups: list[Group]) -> set[int]:
    return {keysym for group in groups for keysym in group.keysyms}


def _key_type(found: Any) -> KeyType:
    return KeyType(found.mods_mask, {entry.mods_mask: entry.level for entry in found.map if entry.active})


def _groups(key: Any, types: list[KeyType]) -> list[Group]:
    keysyms = list(key.syms)
    return [
        Group(types[key.kt_index[number]], tuple(keysyms[number * key.width : (number + 1) * key.width]))
        for number in range(key.groupInfo & _GROUPS)
    ]
