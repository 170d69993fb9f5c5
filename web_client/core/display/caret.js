/**
 * Where the caret probably is, so that an enlarged picture, or one that a phone's keyboard covers in part, can follow it.
 *
 * Nobody tells: it is where the user pressed last, and then where something small changes right after a key. Pure.
 */

/** In display pixels. @typedef {{x: number, y: number, width: number, height: number}} Box */

/** An application draws what was typed within this time; later it draws something else. */
const ECHO_MS = 500;
/** A change larger than this is no echo of a key. */
const WIDTH = 256;
const HEIGHT = 96;

export class Caret {
  #typedAt = -Infinity;

  /** @param {import("../protocol/messages.js").Input} input @param {number} now ms */
  sent(input, now) {
    if (input.message === "TEXT" || (input.message === "KEY" && input.down)) this.#typedAt = now;
  }

  /**
   * Where it is after this change; null: it tells nothing.
   * @param {Box[]} boxes what was drawn
   * @param {number} now
   * @returns {Box | null}
   */
  drawn(boxes, now) {
    if (now - this.#typedAt > ECHO_MS || boxes.length === 0) return null;
    const x = Math.min(...boxes.map((box) => box.x));
    const y = Math.min(...boxes.map((box) => box.y));
    const width = Math.max(...boxes.map((box) => box.x + box.width)) - x;
    const height = Math.max(...boxes.map((box) => box.y + box.height)) - y;
    return width <= WIDTH && height <= HEIGHT ? { x, y, width, height } : null;
  }
}
