/** What fingers set going goes on and comes to rest, as a sheet of paper does. Pure. */

/** The speed falls to 37 % within this time: what phones do with their own pages. */
const TIME_CONSTANT_MS = 325;
/** Pixels per ms. */
const SLOWEST_START = 0.15;
const SLOWEST = 0.03;
const FASTEST = 4;

export class Fling {
  #vx = 0;
  #vy = 0;
  #at = 0;

  /**
   * False if it is too slow to go on.
   * @param {number} vx pixels per ms
   * @param {number} vy
   * @param {number} now ms
   */
  start(vx, vy, now) {
    const speed = Math.hypot(vx, vy);
    const factor = Math.min(1, FASTEST / speed);
    this.#vx = vx * factor;
    this.#vy = vy * factor;
    this.#at = now;
    return speed >= SLOWEST_START;
  }

  /**
   * How far it went since the last step; null when it has come to rest.
   * @param {number} now
   */
  step(now) {
    const left = Math.exp(-Math.max(0, now - this.#at) / TIME_CONSTANT_MS);
    const dx = this.#vx * TIME_CONSTANT_MS * (1 - left);
    const dy = this.#vy * TIME_CONSTANT_MS * (1 - left);
    this.#at = Math.max(now, this.#at);
    this.#vx *= left;
    this.#vy *= left;
    return Math.hypot(this.#vx, this.#vy) < SLOWEST ? null : { dx, dy };
  }
}
