/** The toolbar's menu of keys: those that browsers and systems keep for themselves, and modifiers to hold. */

import { canLockKeyboard } from "../core/fullscreen.js";
import { h } from "../ui/dom.js";
import { FUNCTION_KEYS, MODIFIERS, chordButton, letGo, modifierButton } from "./key_buttons.js";
import { t } from "./strings.js";

/** @typedef {import("./key_buttons.js").Keys} Keys */

const CHORDS = [
  "Control+Alt+Delete", "Alt+Tab", "Alt+F4", "Control+W", "Control+T", "Control+N", "Control+Tab", "Control+Shift+T",
];
const SINGLE = ["Meta", "Escape", "Tab", "PrintScreen", ...FUNCTION_KEYS];

export class KeysPanel {
  #keys;
  #modifiers;

  /** @param {() => Keys | null} keys of the session, as soon as there is one */
  constructor(keys) {
    this.#keys = keys;
    this.#modifiers = MODIFIERS.map((modifier) => modifierButton(keys, modifier));
    this.element = h("div", { class: "keys", id: "toolbar-keys", role: "group", "aria-label": t("keys.title"), hidden: true },
      group(t("keys.hold"), this.#modifiers.map(({ button }) => button)),
      group(t("keys.chords"), CHORDS.map((chord) => chordButton(keys, chord))),
      group(t("keys.single"), SINGLE.map((key) => chordButton(keys, key))),
      h("p", { class: "hint" }, t(canLockKeyboard() ? "keys.hint.lock" : "keys.hint")));
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** @param {boolean} open */
  show(open) {
    const keys = this.#keys();
    if (this.isOpen && !open && keys !== null) letGo(keys);
    this.element.hidden = !open;
    this.refresh();
  }

  /** Modifiers were taken, used or let go. */
  refresh() {
    for (const { refresh } of this.#modifiers) refresh();
  }
}

/**
 * @param {string} label
 * @param {HTMLElement[]} buttons
 */
function group(label, buttons) {
  return h("div", { role: "group", "aria-label": label }, h("span", { "aria-hidden": "true" }, label),
    h("div", { class: "buttons" }, ...buttons));
}
