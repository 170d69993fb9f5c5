/** Buttons that press the application's keys: single keys, chords, and modifiers that stay held. */

import { h } from "../ui/dom.js";
import { keepFocus } from "../ui/keep_focus.js";
import { t } from "./strings.js";

/** @typedef {import("../core/input/sticky.js").Modifier} Modifier */
/** @typedef {import("../core/input/sticky.js").PlainKey} PlainKey */
/**
 * What they need of a session.
 * @typedef {object} Keys
 * @property {(modifiers: Modifier[], key: PlainKey) => void} press
 * @property {(modifier: Modifier) => void} cycleModifier
 * @property {{stateOf: (modifier: Modifier) => import("../core/input/sticky.js").Hold}} modifiers
 */

export const MODIFIERS = /** @type {const} */ (["Control", "Alt", "Shift", "Meta", "AltGraph"]);
const REPEAT_AFTER_MS = 450;
const REPEAT_MS = 50;

/** F1 to F12. */
export const FUNCTION_KEYS = Array.from({ length: 12 }, (_, index) => `F${index + 1}`);

/** A key whose text is its code, as with all that are not characters. @param {string} name @returns {PlainKey} */
function plainKey(name) {
  if (/^[A-Z]$/.test(name)) return { text: name.toLowerCase(), code: `Key${name}` };
  return { text: name, code: name === "Meta" ? "MetaLeft" : name };
}

/** What stands on it. @param {string} name */
function labelOf(name) {
  return /^(F\d+|[A-Z])$/.test(name) ? name : t(`key.${name}`);
}

/**
 * @param {() => Keys | null} keys
 * @param {string} chord such as `Control+Alt+Delete`
 */
export function chordButton(keys, chord) {
  const names = chord.split("+");
  const modifiers = /** @type {Modifier[]} */ (names.slice(0, -1));
  const key = plainKey(names[names.length - 1]);
  const label = names.map(labelOf).join("+");
  return keepFocus(h("button", { type: "button", class: "keycap", click: () => keys()?.press(modifiers, key) }, label));
}

/**
 * A key that repeats while a finger rests on it.
 * @param {() => Keys | null} keys
 * @param {string} name
 */
export function repeatingButton(keys, name) {
  const press = () => keys()?.press([], plainKey(name));
  let timer = 0;
  let wasPressed = false;
  const down = () => {
    wasPressed = true;
    press();
    timer = setTimeout(() => (timer = setInterval(press, REPEAT_MS)), REPEAT_AFTER_MS);
  };
  const up = () => {
    clearTimeout(timer);
    clearInterval(timer);
  };
  // A click that no press came before is an assistive technology's, or the keyboard's.
  const click = () => {
    if (!wasPressed) press();
    wasPressed = false;
  };
  const listeners = { pointerdown: down, pointerup: up, pointercancel: up, pointerleave: up, click };
  const label = name.startsWith("Arrow") && t(`key.${name}.name`);
  return keepFocus(h("button", { type: "button", class: "keycap", "aria-label": label, ...listeners }, labelOf(name)));
}

/**
 * A modifier: for one key, until it is let go, off. It shows which when `refresh` is called.
 * @param {() => Keys | null} keys
 * @param {Modifier} modifier
 */
export function modifierButton(keys, modifier) {
  const press = () => keys()?.cycleModifier(modifier);
  const button = keepFocus(h("button", { type: "button", class: "keycap", click: press }, labelOf(modifier)));
  const refresh = () => {
    const hold = keys()?.modifiers.stateOf(modifier) ?? "off";
    button.dataset.hold = hold;
    button.setAttribute("aria-pressed", String(hold !== "off"));
    button.title = hold === "off" ? "" : t(`keys.${hold}`);
  };
  refresh();
  return { button, refresh };
}

/** Nothing stays held where nobody sees it. @param {Keys} keys */
export function letGo(keys) {
  for (const modifier of MODIFIERS)
    while (keys.modifiers.stateOf(modifier) !== "off") keys.cycleModifier(modifier);
}
