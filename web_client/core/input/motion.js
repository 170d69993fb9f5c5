/** Movements thinned to one a frame, and wheels counted in notches. Pure, but for the scheduler that is passed in. */

/** @typedef {import("../protocol/messages.js").Pointer} PointerMessage */

/** The first movement goes at once, those within the same frame become one, and nothing overtakes a button. */
export class MoveCoalescer {
  #send;
  #schedule;
  /** @type {PointerMessage | null} */
  #latest = null;
  #scheduled = false;

  /**
   * @param {(message: PointerMessage) => void} send
   * @param {(run: () => void) => unknown} schedule for the next animation frame
   */
  constructor(send, schedule) {
    this.#send = send;
    this.#schedule = schedule;
  }

  /** @param {PointerMessage} message */
  move(message) {
    if (this.#scheduled) {
      this.#latest = message;
      return;
    }
    this.#send(message);
    this.#scheduled = true;
    this.#schedule(() => this.#frame());
  }

  /** @param {PointerMessage} message a change of buttons */
  now(message) {
    this.flush();
    this.#send(message);
  }

  flush() {
    const latest = this.#latest;
    this.#latest = null;
    if (latest) this.#send(latest);
  }

  /** What was not sent yet never is: it would press again what was just released. */
  drop() {
    this.#latest = null;
  }

  #frame() {
    this.#scheduled = false;
    const latest = this.#latest;
    this.#latest = null;
    if (latest) this.move(latest);
  }
}

const NOTCH = 120;
/** What one notch is in each `deltaMode`: pixels (Chromium), lines (Firefox), pages. */
const PER_NOTCH = [100, 3, 1];
const LARGEST = 32767;

/** Turns wheel deltas of any mode into 1/120 of a notch, carrying on what is smaller than that. */
export class WheelNotches {
  #restX = 0;
  #restY = 0;

  /** @param {{deltaX: number, deltaY: number, deltaMode: number}} event */
  turn({ deltaX, deltaY, deltaMode }) {
    const factor = NOTCH / (PER_NOTCH[deltaMode] ?? PER_NOTCH[0]);
    const exactX = this.#restX + deltaX * factor;
    const exactY = this.#restY + deltaY * factor;
    const dx = bounded(exactX);
    const dy = bounded(exactY);
    this.#restX = fraction(exactX);
    this.#restY = fraction(exactY);
    return { dx, dy };
  }
}

/** @param {number} value */
function bounded(value) {
  // || 0: no negative zero.
  return Math.max(-LARGEST, Math.min(LARGEST, Math.trunc(value))) || 0;
}

/** @param {number} value */
function fraction(value) {
  return value - Math.trunc(value);
}
