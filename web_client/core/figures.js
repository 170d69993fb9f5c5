/**
 * What this end sees of a session: how long input takes to become a picture, how many pictures and bytes come, how long
 * drawing takes.
 *
 * No I/O and no clock: times come in, in ms of one clock. It keeps the echoes of the last ten seconds and sums, so that it
 * may run all the time.
 */

/** @typedef {import("./protocol/messages.js").Input} Input */
/** Sums since the page was opened. @typedef {{at: number, frames: number, bytes: number, drawMs: number}} Totals */
/** @typedef {{framesPerSecond: number, bytesPerSecond: number, drawMs: number | null}} Rates */

export const ECHO_WINDOW_MS = 10_000;
/** A picture that comes later shows something else. */
const LATEST_ECHO_MS = 3000;
/** Of the numbers that are kept: more of them within ten seconds come from no hand. */
const MAXIMUM = 512;
const MODIFIER_KEYS = new Set(["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "NumLock", "ScrollLock"]);

export class Figures {
  /** Input that no picture covers yet. @type {{sequence: number, at: number}[]} */
  #pending = [];
  /** @type {{at: number, ms: number}[]} */
  #echoes = [];
  /** @type {{at: number, ms: number}[]} */
  #answers = [];
  #frames = 0;
  #drawMs = 0;
  #buttons = 0;

  /**
   * Input went out.
   * @param {Input} input
   * @param {number} sequence
   * @param {number} now
   */
  sent(input, sequence, now) {
    if (this.#isSeen(input)) keep(this.#pending, { sequence, at: now });
  }

  /**
   * A picture is on the screen.
   * @param {number} lastInput the last input that was applied before it was captured
   * @param {number} drawMs from its arrival
   * @param {number} now
   */
  drawn(lastInput, drawMs, now) {
    this.#frames++;
    this.#drawMs += drawMs;
    while (this.#pending.length && this.#pending[0].sequence <= lastInput) {
      const { at } = /** @type {{at: number}} */ (this.#pending.shift());
      if (now - at <= LATEST_ECHO_MS) keep(this.#echoes, { at: now, ms: now - at });
    }
  }

  /**
   * The other end answered.
   * @param {number} ms the way there and back
   * @param {number} now
   */
  answered(ms, now) {
    keep(this.#answers, { at: now, ms });
  }

  /** Input is counted anew, or was never sent: nothing that was sent before will be answered as such. */
  restart() {
    this.#pending = [];
  }

  /**
   * @param {number} now
   * @param {number} bytes received so far
   * @returns {Totals}
   */
  totals(now, bytes) {
    return { at: now, frames: this.#frames, bytes, drawMs: this.#drawMs };
  }

  /**
   * How long input took to become a picture, ms, ascending.
   * @param {number} since
   */
  echoes(since) {
    return after(this.#echoes, since);
  }

  /** How long answers took, ms, ascending. @param {number} since */
  answers(since) {
    return after(this.#answers, since);
  }

  /**
   * Whether it is likely to change the picture: what does not (a modifier, a shortcut that copies, the end of a stroke, the
   * way of the pointer) would be answered by whatever is drawn next, and count as slow.
   * @param {Input} input
   */
  #isSeen(input) {
    if (input.message === "TEXT" || input.message === "WHEEL") return true;
    if (input.message === "KEY") return input.down && (input.modifiers & ~1) === 0 && !MODIFIER_KEYS.has(input.text);
    if (input.message !== "POINTER") return false;
    const before = this.#buttons;
    this.#buttons = input.buttons;
    return (input.buttons & ~before) !== 0;
  }
}

/**
 * What happened between two totals, by the second.
 * @param {Totals} from
 * @param {Totals} to
 * @returns {Rates}
 */
export function ratesBetween(from, to) {
  const seconds = Math.max(to.at - from.at, 1) / 1000;
  const frames = to.frames - from.frames;
  return {
    framesPerSecond: frames / seconds,
    bytesPerSecond: (to.bytes - from.bytes) / seconds,
    drawMs: frames === 0 ? null : (to.drawMs - from.drawMs) / frames,
  };
}

/**
 * The value below which this share of the values lies; null without any.
 * @param {number[]} ascending
 * @param {number} share
 */
export function quantile(ascending, share) {
  if (ascending.length === 0) return null;
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))];
}

/**
 * @template T
 * @param {T[]} list
 * @param {T} entry
 */
function keep(list, entry) {
  list.push(entry);
  if (list.length > MAXIMUM) list.shift();
}

/**
 * @param {{at: number, ms: number}[]} list
 * @param {number} since
 */
function after(list, since) {
  while (list.length && list[0].at < list[list.length - 1].at - ECHO_WINDOW_MS) list.shift();
  return list.filter(({ at }) => at >= since).map(({ ms }) => ms).sort((one, other) => one - other);
}
