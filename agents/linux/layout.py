"""The keyboard map of an X server as XKB has it: where a character lies, in which group, with which modifiers. Pure.

A key has groups (layouts that are loaded together), a group has levels, and a key type says which modifiers lead to
which level. CapsLock and NumLock are such modifiers too, so where a character lies depends on them; a letter whose
type knows no CapsLock is made a capital by the application.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import xcffib.keysymdef as names

from agents.linux.keymap import KEYPAD, MODIFIER_KEYSYMS, NAMED, PHYSICAL
from agents.linux.keysyms import character_of, meaning_of
from portcullis.protocol.messages import ALT_GRAPH, CAPS_LOCK, NUM_LOCK, SHIFT

LEVEL_FIVE = 1 << 8
"""The modifier of layouts with more than four levels, such as `de(neo)`; no flag of the wire."""
SHIFT_MASK, LOCK_MASK = 1 << 0, 1 << 1
_CHOSEN = (0, SHIFT, ALT_GRAPH, SHIFT | ALT_GRAPH, LEVEL_FIVE, SHIFT | LEVEL_FIVE, ALT_GRAPH | LEVEL_FIVE)
_LEVEL_KEYSYMS = {
    ALT_GRAPH: names.XK_ISO_Level3_Shift,
    LEVEL_FIVE: names.XK_ISO_Level5_Shift,
}
_MEDIA_KEYSYMS = 0x10080000


@dataclass(frozen=True, slots=True)
class KeyType:
    """Which real modifiers count, and the level of each combination of them that is not the first level's."""

    mask: int
    levels: Mapping[int, int]

    def level(self, modifiers: int) -> int:
        return self.levels.get(modifiers & self.mask, 0)


@dataclass(frozen=True, slots=True)
class Group:
    type: KeyType
    keysyms: tuple[int, ...]

    def keysym(self, modifiers: int) -> int:
        level = self.type.level(modifiers)
        return self.keysyms[level] if level < len(self.keysyms) else 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a character lies: a keycode, and what must be held for it (SHIFT, ALT_GRAPH, LEVEL_FIVE) in which group.

    `group` is None where every group has the key's meaning.
    """

    keycode: int
    modifiers: int = 0
    group: int | None = None


class Layout:
    """`keys`: the groups of each keycode that has a meaning; `real`: the real modifiers of each keycode that is one."""

    def __init__(self, keys: Mapping[int, Sequence[Group]], real: Mapping[int, int]) -> None:
        self._keys = {keycode: tuple(groups) for keycode, groups in keys.items() if groups}
        self._named = self._find_named()
        self._shifts = {SHIFT: SHIFT_MASK}
        for bit, keysym in _LEVEL_KEYSYMS.items():
            self._shifts[bit] = self._real_bits(keysym, real)
        self.num_lock_mask = self._real_bits(names.XK_Num_Lock, real)
        self._places: dict[int, dict[str, list[Place]]] = {}
        self.groups = max((len(groups) for groups in self._keys.values()), default=1)

    def places(self, character: str, locks: int = 0) -> list[Place]:
        """Where the character lies while these locks (CAPS_LOCK, NUM_LOCK) are on; empty if nowhere within reach."""
        if locks not in self._places:
            self._places[locks] = self._find_characters(locks)
        return self._places[locks].get(character, [])

    def character_at(self, code: str, modifiers: int) -> str | None:
        """What the key at this place gives in the user's own layout, which is the first, without any lock.

        On a level that has nothing it gives what it has below, as libxkbcommon and Firefox say.
        """
        groups = self._keys.get(PHYSICAL.get(code, 0))
        if not groups:
            return None
        levels = (groups[0].keysym(self._real(held)) for held in (modifiers, modifiers & SHIFT))
        keysym = next((keysym for keysym in levels if keysym), 0)
        return None if _is_on_keypad(keysym) else meaning_of(keysym)

    def keycode(self, keysym: int, code: str) -> int | None:
        """The keycode of a named key: the one at the physical place if it has that meaning, else any."""
        keycodes = self._named.get(keysym, [])
        physical = PHYSICAL.get(code)
        return physical if physical in keycodes else next(iter(keycodes), None)

    def modifier(self, bit: int, code: str = "") -> int | None:
        """The key that is this modifier, if possible on the side that `code` names."""
        if bit == LEVEL_FIVE:
            return self.keycode(names.XK_ISO_Level5_Shift, code)
        left, right = MODIFIER_KEYSYMS[bit]
        preferred = self.keycode(right if code.endswith("Right") else left, code)
        return preferred if preferred is not None else self.keycode(left, "")

    def modifier_at(self, code: str) -> int | None:
        """ALT_GRAPH or LEVEL_FIVE, where the key at this place is that shift of a level."""
        groups = self._keys.get(PHYSICAL.get(code, 0), ())
        keysym = groups[0].keysyms[0] if groups and groups[0].keysyms else 0
        return {names.XK_ISO_Level3_Shift: ALT_GRAPH, names.XK_ISO_Level5_Shift: LEVEL_FIVE}.get(keysym)

    def keypad(self, code: str, text: str, shift: bool, num_lock: bool) -> tuple[int, bool] | None:
        """A key of the keypad that gives this: its keycode, and what NumLock must be; rather as it is."""
        keycode = PHYSICAL.get(code, 0) if code.startswith("Numpad") else 0
        for num in (num_lock, not num_lock):
            held = (SHIFT_MASK if shift else 0) | (self.num_lock_mask if num else 0)
            if keycode in self._keys and KEYPAD.get(self._keys[keycode][0].keysym(held)) == text:
                return keycode, num
        return None

    def spare_keycodes(self, first: int, last: int) -> list[int]:
        """Those without meaning first, also of the keys of Asian keyboards; then media keys that no browser names."""
        taken = {keycode for code, keycode in PHYSICAL.items() if not code.startswith("Lang")}
        free = [keycode for keycode in range(first, last + 1) if keycode not in taken]
        empty = [keycode for keycode in free if not any(self._keysyms(keycode))]
        idle = [
            keycode for keycode in free if keycode not in empty and _is_idle_media(self._keysyms(keycode))
        ]
        return empty + idle

    def _keysyms(self, keycode: int) -> list[int]:
        return [keysym for group in self._keys.get(keycode, ()) for keysym in group.keysyms]

    def _find_named(self) -> dict[int, list[int]]:
        named: dict[int, list[int]] = {}
        for keycode, groups in self._keys.items():
            if groups[0].keysyms and groups[0].keysyms[0]:
                named.setdefault(groups[0].keysyms[0], []).append(keycode)
        return named

    def _real_bits(self, keysym: int, real: Mapping[int, int]) -> int:
        bits = 0
        for keycode in self._keys:
            if keysym in self._keysyms(keycode):
                bits |= real.get(keycode, 0)
        # One that shares its bit with Shift or Lock cannot be told from it.
        return bits & ~(SHIFT_MASK | LOCK_MASK)

    def _find_characters(self, locks: int) -> dict[str, list[Place]]:
        found: dict[str, list[Place]] = {}
        locked = LOCK_MASK if locks & CAPS_LOCK else 0
        locked |= self.num_lock_mask if locks & NUM_LOCK else 0
        for held in _CHOSEN:
            if not self._can_hold(held):
                continue
            real = self._real(held)
            for keycode, number, group in self._all_groups():
                is_like_without = real & ~group.type.mask
                if not is_like_without and (character := _character(group, real | locked)):
                    places = found.setdefault(character, [])
                    places.append(Place(keycode, held, None if len(self._keys[keycode]) == 1 else number))
        return found

    def _real(self, modifiers: int) -> int:
        return sum(mask for bit, mask in self._shifts.items() if modifiers & bit)

    def _all_groups(self) -> Iterator[tuple[int, int, Group]]:
        for keycode, groups in self._keys.items():
            for number, group in enumerate(groups):
                yield keycode, number, group

    def _can_hold(self, modifiers: int) -> bool:
        wanted = [bit for bit in self._shifts if modifiers & bit]
        return all(self._shifts[bit] and self.modifier(bit) is not None for bit in wanted)


def _character(group: Group, real: int) -> str | None:
    keysym = group.keysym(real)
    character = None if _is_on_keypad(keysym) else character_of(keysym)
    if character is not None and real & LOCK_MASK and not group.type.mask & LOCK_MASK:
        capital = character.upper()
        return capital if len(capital) == 1 else character
    return character


def _is_on_keypad(keysym: int) -> bool:
    return 0xFF80 <= keysym <= 0xFFBD


def _is_idle_media(keysyms: Collection[int]) -> bool:
    named = set(NAMED.values())
    return all(
        keysym == 0 or (keysym >= _MEDIA_KEYSYMS and keysym not in named) for keysym in keysyms
    ) and any(keysyms)
