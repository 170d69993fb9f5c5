/** The keys that a phone's keyboard does not have, in a row above it. Shown with it only. */

import { h } from "../ui/dom.js";
import { keepFocus } from "../ui/keep_focus.js";
import { FUNCTION_KEYS, chordButton, letGo, modifierButton, repeatingButton } from "./key_buttons.js";
import { t } from "./strings.js";

/** @typedef {import("./key_buttons.js").Keys} Keys */

const MODIFIERS = /** @type {const} */ (["Control", "Alt"]);
const REPEATING = ["ArrowLeft", "ArrowUp", "ArrowDown", "ArrowRight"];
const MORE = ["Home", "End", "PageUp", "PageDown", "Insert", "Delete"];

export class ExtraKeys {
  #keys;
  #modifiers;
  #more;
  #moreButton;

  /**
   * @param {() => Keys | null} keys
   * @param {() => void} hideKeyboard
   * @param {() => void} resized it has become larger or smaller
   */
  constructor(keys, hideKeyboard, resized) {
    this.#keys = keys;
    this.#modifiers = MODIFIERS.map((modifier) => modifierButton(keys, modifier));
    this.#more = h("div", { class: "row", hidden: true },
      ...[...MORE, ...FUNCTION_KEYS].map((key) => (MORE.includes(key) ? repeatingButton(keys, key) : chordButton(keys, key))));
    const toggle = () => {
      this.#showMore(Boolean(this.#more.hidden));
      resized();
    };
    this.#moreButton = keepFocus(h("button", { type: "button", class: "keycap", "aria-expanded": "false", "aria-label": t("keys.more.name"), click: toggle },
      t("keys.more")));
    this.element = h("div", { class: "extra-keys", role: "group", "aria-label": t("keys.title"), hidden: true },
      this.#more,
      h("div", { class: "row" },
        chordButton(keys, "Escape"), chordButton(keys, "Tab"), ...this.#modifiers.map(({ button }) => button),
        ...REPEATING.map((key) => repeatingButton(keys, key)), this.#moreButton,
        keepFocus(h("button", { type: "button", class: "keycap", "aria-label": t("keyboard.hide"), click: hideKeyboard }, t("keys.hide")))));
  }

  /** @param {boolean} shown */
  show(shown) {
    const keys = this.#keys();
    if (!shown && !this.element.hidden && keys !== null) letGo(keys);
    if (!shown) this.#showMore(false);
    this.element.hidden = !shown;
    this.refresh();
  }

  refresh() {
    for (const { refresh } of this.#modifiers) refresh();
  }

  /** @param {boolean} shown */
  #showMore(shown) {
    this.#more.hidden = !shown;
    this.#moreButton.setAttribute("aria-expanded", String(shown));
  }
}
