/**
 * Picture buffers that go round between worker and page: fresh memory of a whole 1080p picture costs 3.5 ms to touch.
 */

const KEPT = 2;
/** Below this, memory is cheaper to ask for than to send back. */
export const WORTH_KEEPING_BYTES = 256 << 10;

export class SpareBuffers {
  /** @type {ArrayBuffer[]} */
  #spare = [];

  /**
   * At least this many words; more than asked for if a spare buffer is larger. Old pixels may stand in it.
   * @param {number} length
   */
  take(length) {
    const at = this.#spare.findIndex((buffer) => buffer.byteLength >= length * 4);
    // A small picture does not take away what the next large one needs.
    if (length * 4 < WORTH_KEEPING_BYTES || at < 0) return new Uint32Array(length);
    return new Uint32Array(this.#spare.splice(at, 1)[0]);
  }

  /** @param {ArrayBuffer} buffer */
  give(buffer) {
    this.#spare.push(buffer);
    this.#spare.sort((one, other) => other.byteLength - one.byteLength);
    this.#spare.length = Math.min(this.#spare.length, KEPT);
  }
}
