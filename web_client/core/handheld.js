/**
 * What a session needs on devices that are held in the hand: fingers, the system's keyboard, and a picture that may be
 * enlarged, moved, or covered by that keyboard, and follows the caret then.
 */

import { Caret } from "./display/caret.js";
import { OnScreenKeyboard } from "./input/on_screen_keyboard.js";
import { placeTextArea } from "./input/text_area.js";
import { Touch } from "./input/touch.js";

/** @typedef {import("./protocol/messages.js").Input} Input */
/** @typedef {import("./display/screen.js").Screen} Screen */
/** @typedef {import("./display/caret.js").Box} Box */

export class Handheld {
  #screen;
  #caret = new Caret();
  /** Where the caret was last: where the user pressed, or typed. @type {Box | null} */
  #place = null;
  #touch;
  #tell;
  keyboard;

  /**
   * @param {HTMLElement} element
   * @param {object} parts
   * @param {Screen} parts.screen
   * @param {HTMLTextAreaElement} parts.area that takes the keyboard
   * @param {(input: Input) => void} parts.send
   * @param {(type: string, detail: object) => void} parts.tell
   */
  constructor(element, { screen, area, send, tell }) {
    this.#screen = screen;
    this.#tell = tell;
    this.keyboard = new OnScreenKeyboard(area, (shown) => tell("keyboard", { shown }));
    this.#touch = new Touch(element, {
      send,
      pixelAt: (x, y) => screen.pixelAt(x, y),
      zooming: {
        pinch: (from, to) => {
          screen.pinch(from, to);
          this.#tellZoom();
        },
        pinched: () => {
          screen.settleZoom();
          this.#tellZoom();
        },
        moves: () => screen.overflows,
      },
      onpress: ({ x, y }) => {
        placeTextArea(area, { clientX: x, clientY: y });
        area.focus({ preventScroll: true });
      },
      oncall: () => this.keyboard.show(!this.keyboard.isShown),
    });
  }

  resetZoom() {
    this.#screen.resetZoom();
    this.#tellZoom();
  }

  /**
   * The system's keyboard, or what belongs to it, lies over so many CSS pixels of the element.
   * @param {{top: number, bottom: number}} covered
   */
  cover(covered) {
    this.#screen.cover(covered);
    if (this.#place) this.#screen.reveal(this.#place);
  }

  /** @param {Input} input @param {number} now */
  sent(input, now) {
    this.#caret.sent(input, now);
    if (input.message === "POINTER" && input.buttons !== 0) this.#place = { x: input.x, y: input.y, width: 1, height: 1 };
  }

  /** @param {Box[]} boxes @param {number} now */
  drawn(boxes, now) {
    if (!this.#screen.overflows) return;
    const caret = this.#caret.drawn(boxes, now);
    if (caret === null) return;
    this.#place = caret;
    this.#screen.reveal(caret);
  }

  /** The page was left: no finger is on it any more. */
  left() {
    this.#touch.cancel();
  }

  stop() {
    this.#touch.stop();
  }

  #tellZoom() {
    this.#tell("zoom", { scale: this.#screen.zoomScale });
  }
}
