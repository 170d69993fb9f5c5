/**
 * Text that comes into the text area without a stroke of its own: input methods, dead keys, on-screen keyboards, emoji
 * pickers, dictation.
 *
 * What an input method composes stays here, in sight, until it is committed. Android's keyboards compose every word and
 * erase by changing the field, so there the field keeps something to erase, and each change is handed on as it comes.
 */

import { isDead, isModifierKey, isTaken } from "./keymap.js";
import { showComposition } from "./text_area.js";

/**
 * When the field is emptied: after the last stroke, and never while one waits for what completes it. A browser then resets
 * its input method, and a dead key or a stroke that is already on its way to it would be lost.
 */
const IDLE_MS = 1000;
/** What an Android keyboard finds before the cursor: in an empty field it reports no Backspace. */
const FILLING = "\u00a0".repeat(16);

export class ComposedText {
  #area;
  #type;
  #tap;
  #isAndroid;
  /** What of the field's text was handed on already. @type {string[]} */
  #handed = [];
  #isOpen = false;
  #timer = 0;

  /**
   * @param {HTMLTextAreaElement} area
   * @param {object} parts
   * @param {(text: string) => void} parts.type
   * @param {(key: string) => void} parts.tap
   * @param {boolean} parts.isAndroid
   * @param {AbortSignal} parts.signal
   */
  constructor(area, { type, tap, isAndroid, signal }) {
    this.#area = area;
    this.#type = type;
    this.#tap = tap;
    this.#isAndroid = isAndroid;
    area.addEventListener("keydown", (event) => this.#stroke(event), { signal });
    area.addEventListener("input", (event) => this.#input(/** @type {InputEvent} */ (event)), { signal });
    area.addEventListener("compositionstart", () => this.#open(), { signal });
    area.addEventListener("compositionupdate", (event) => this.#composing(event.data), { signal });
    area.addEventListener("compositionend", (event) => this.#commit(event.data), { signal });
    this.reset();
  }

  /**
   * Whether an input method has the stroke. Firefox says `isComposing` of all strokes behind a composition that ended
   * because the focus went, until the next one: Ctrl+S would be its own.
   * @param {KeyboardEvent} event
   */
  takes(event) {
    return isTaken(event) || (event.isComposing && this.#isOpen);
  }

  /** Forgets what is being composed. */
  reset() {
    clearTimeout(this.#timer);
    this.#handed = [];
    this.#isOpen = false;
    this.#area.value = this.#isAndroid ? FILLING : "";
    showComposition(this.#area, "");
  }

  stop() {
    clearTimeout(this.#timer);
  }

  /** @param {KeyboardEvent} event */
  #stroke(event) {
    if (isModifierKey(event)) return;
    clearTimeout(this.#timer);
    if (!this.takes(event) && !isDead(event)) this.#emptyWhenIdle();
  }

  #open() {
    this.#isOpen = true;
    clearTimeout(this.#timer);
  }

  /** @param {string} text */
  #composing(text) {
    if (!this.#isAndroid) showComposition(this.#area, text);
  }

  /** @param {InputEvent} event */
  #input(event) {
    if (this.#isAndroid) this.#follow();
    if (event.isComposing) return;
    if (!this.#isAndroid) this.#take(event);
    this.#done();
  }

  /** @param {InputEvent} event */
  #take({ inputType, data }) {
    if (inputType === "deleteContentBackward") this.#tap("Backspace");
    else if (inputType === "insertLineBreak") this.#tap("Enter");
    else if (["insertText", "insertReplacementText"].includes(inputType) && data) this.#type(data);
  }

  /** @param {string} text */
  #commit(text) {
    this.#isOpen = false;
    if (this.#isAndroid) this.#follow();
    else if (text) this.#type(text);
    this.#done();
  }

  #done() {
    if (this.#isAndroid) return this.reset();
    showComposition(this.#area, "");
    clearTimeout(this.#timer);
    this.#emptyWhenIdle();
  }

  #emptyWhenIdle() {
    if (!this.#isAndroid && this.#area.value !== "") this.#timer = setTimeout(() => this.reset(), IDLE_MS);
  }

  /** Turns what the application got into what the field holds now. */
  #follow() {
    const value = this.#area.value;
    const kept = value.startsWith(FILLING) ? FILLING.length : value.length - value.replace(/^\u00a0+/, "").length;
    const now = Array.from(value.slice(kept));
    const same = commonLength(this.#handed, now);
    const erased = this.#handed.length - same + (FILLING.length - kept);
    for (let count = 0; count < erased; count++) this.#tap("Backspace");
    const typed = now.slice(same).join("");
    if (typed) this.#type(typed);
    this.#handed = now;
  }
}

/**
 * @param {string[]} one
 * @param {string[]} other
 */
function commonLength(one, other) {
  const different = one.findIndex((character, index) => character !== other[index]);
  return different < 0 ? one.length : different;
}
