/**
 * The keyboard that a phone shows: it comes when it is called for, not with every press on the picture.
 *
 * The text area always has the focus while the application is used; `inputmode` decides whether a keyboard comes with it.
 * A browser looks at it when a field takes the focus, by a gesture of the user, so the field takes it anew.
 */

export class OnScreenKeyboard {
  #area;
  #isShown = false;
  #changed;

  /**
   * @param {HTMLTextAreaElement} area
   * @param {(shown: boolean) => void} changed
   */
  constructor(area, changed) {
    this.#area = area;
    this.#changed = changed;
    // With a mouse at hand there is a keyboard as well, and an input mode would only confuse input methods.
    if (matchMedia("(pointer: coarse)").matches) area.inputMode = "none";
  }

  get isShown() {
    return this.#isShown;
  }

  /** Within a gesture of the user. @param {boolean} shown */
  show(shown) {
    this.#set(shown);
    this.#area.blur();
    this.#area.focus({ preventScroll: true });
  }

  /** The user put it away by the system's own means. */
  gone() {
    this.#set(false);
  }

  /** @param {boolean} shown */
  #set(shown) {
    this.#area.inputMode = shown ? "text" : "none";
    if (shown === this.#isShown) return;
    this.#isShown = shown;
    this.#changed(shown);
  }
}
