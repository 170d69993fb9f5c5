/**
 * What fingers on the picture mean. Pure but for the timer of a long press.
 *
 * One finger: a tap clicks, two taps double-click at the very same place, a long press is the right button, a way drags. Two:
 * a tap is the right button, a way scrolls, a pinch zooms; while the picture is larger than what is seen of it, their way
 * moves it. Three: a tap calls the keyboard, a way always scrolls. Nothing is told before it is certain, so that no gesture
 * begins with a stray click.
 */

/** In CSS pixels of the viewport. @typedef {{x: number, y: number}} Point */
/** Where fingers are: their middle, and how far apart. @typedef {{x: number, y: number, distance: number}} Grip */
/**
 * @typedef {object} Acts
 * @property {(at: Point, buttons: number) => void} click press and release
 * @property {(at: Point, buttons: number) => void} drag buttons held (0: let go) at a place
 * @property {(at: Point, dx: number, dy: number) => void} scroll the content by the fingers' way
 * @property {(at: Point, vx: number, vy: number) => void} fling the fingers left at this speed, pixels per ms
 * @property {(from: Grip, to: Grip) => void} pinch
 * @property {() => void} pinched the fingers left
 * @property {() => boolean} moves whether two fingers move the picture
 * @property {() => void} call the keyboard
 */

const LEFT = 1;
const RIGHT = 2;
/** A finger is no mouse: it trembles. */
const STILL_PX = 10;
const LONG_PRESS_MS = 500;
const TAP_MS = 350;
const DOUBLE_TAP_MS = 350;
const DOUBLE_TAP_PX = 28;
const PINCH_PX = 20;
/** A way that is this much longer one way than the other scrolls that way only. */
const STRAIGHT = 2;
const SPEED_MS = 80;

export class Gestures {
  #acts;
  /** By pointer: where each finger came down, where it is. @type {Map<number, {start: Point, at: Point}>} */
  #fingers = new Map();
  /** @type {"none" | "one" | "drag" | "several" | "scroll" | "pinch" | "done"} */
  #phase = "none";
  #most = 0;
  #began = 0;
  #longPress = 0;
  /** @type {{at: Point, time: number} | null} */
  #lastTap = null;
  /** @type {Grip} */
  #grip = { x: 0, y: 0, distance: 0 };
  /** Where scrolling began: what lies there scrolls, wherever the fingers go. @type {Point} */
  #scrolled = { x: 0, y: 0 };
  #axes = { x: 1, y: 1 };
  /** @type {{time: number, at: Point}[]} */
  #trail = [];

  /** @param {Acts} acts */
  constructor(acts) {
    this.#acts = acts;
  }

  /**
   * @param {number} id
   * @param {Point} at
   * @param {number} time ms
   */
  down(id, at, time) {
    this.#fingers.set(id, { start: at, at });
    this.#most = Math.max(this.#most, this.#fingers.size);
    if (this.#phase === "none") this.#begin(at, time);
    else if (this.#phase === "one" || this.#phase === "several") this.#another();
    else if (this.#phase === "pinch" || this.#phase === "scroll") this.#grip = this.#gripNow();
  }

  /**
   * @param {number} id
   * @param {Point} at
   * @param {number} time
   */
  move(id, at, time) {
    const finger = this.#fingers.get(id);
    if (finger === undefined) return;
    finger.at = at;
    if (this.#phase === "one" && far(finger.start, at) > STILL_PX) this.#startDrag(finger.start);
    if (this.#phase === "drag") this.#acts.drag(at, LEFT);
    if (this.#phase === "several") this.#decide();
    if (this.#phase === "scroll") this.#scroll(time);
    if (this.#phase === "pinch") this.#pinch();
  }

  /**
   * @param {number} id
   * @param {Point} at
   * @param {number} time
   */
  up(id, at, time) {
    if (!this.#fingers.delete(id)) return;
    clearTimeout(this.#longPress);
    if (this.#phase === "one") this.#tap(at, time);
    else if (this.#phase === "drag") this.#acts.drag(at, 0);
    else if (this.#phase === "scroll") this.#leaveScroll(time);
    else if (this.#phase === "pinch") this.#leavePinch();
    if (this.#fingers.size > 0) return this.#oneLess();
    if (this.#phase === "several" && time - this.#began <= TAP_MS) this.#tapOfSeveral();
    this.#end();
  }

  /** The system took the fingers away: nothing stays pressed, nothing is clicked. */
  cancel() {
    clearTimeout(this.#longPress);
    const [finger] = this.#fingers.values();
    if (this.#phase === "drag" && finger) this.#acts.drag(finger.at, 0);
    if (this.#phase === "pinch") this.#acts.pinched();
    this.#fingers.clear();
    this.#end();
  }

  #end() {
    this.#phase = "none";
    this.#most = 0;
  }

  // --- one finger

  /**
   * @param {Point} at
   * @param {number} time
   */
  #begin(at, time) {
    this.#phase = "one";
    this.#began = time;
    this.#longPress = setTimeout(() => {
      this.#phase = "done";
      this.#lastTap = null;
      this.#acts.click(at, RIGHT);
    }, LONG_PRESS_MS);
  }

  /**
   * @param {Point} at
   * @param {number} time
   */
  #tap(at, time) {
    const last = this.#lastTap;
    const isDouble = last !== null && time - last.time <= DOUBLE_TAP_MS && far(last.at, at) <= DOUBLE_TAP_PX;
    // Toolkits ask for a few pixels at most between the two.
    const place = isDouble ? last.at : at;
    this.#lastTap = isDouble ? null : { at: place, time };
    this.#acts.click(place, LEFT);
  }

  /** @param {Point} from */
  #startDrag(from) {
    clearTimeout(this.#longPress);
    this.#phase = "drag";
    this.#acts.drag(from, LEFT);
  }

  // --- several

  #another() {
    clearTimeout(this.#longPress);
    this.#phase = "several";
    this.#grip = this.#gripNow();
    this.#scrolled = this.#grip;
    for (const finger of this.#fingers.values()) finger.start = finger.at;
  }

  #decide() {
    // On their way off again, one after the other.
    if (this.#fingers.size < this.#most) return;
    const now = this.#gripNow();
    const apart = Math.abs(now.distance - this.#grip.distance);
    const way = far(this.#grip, now);
    if (this.#most > 2) {
      if (way > STILL_PX) this.#startScroll(now);
    } else if (this.#acts.moves() ? Math.max(apart, way) > STILL_PX : apart > PINCH_PX && apart > way) {
      this.#phase = "pinch";
    } else if (way > STILL_PX && way > apart) {
      this.#startScroll(now);
    }
  }

  #pinch() {
    const now = this.#gripNow();
    this.#acts.pinch(this.#grip, now);
    this.#grip = now;
  }

  #leavePinch() {
    if (this.#fingers.size < 2) this.#acts.pinched();
  }

  /** @param {Grip} now */
  #startScroll(now) {
    const dx = Math.abs(now.x - this.#grip.x);
    const dy = Math.abs(now.y - this.#grip.y);
    this.#axes = { x: dy > dx * STRAIGHT ? 0 : 1, y: dx > dy * STRAIGHT ? 0 : 1 };
    this.#phase = "scroll";
    this.#trail = [];
  }

  /** @param {number} time */
  #scroll(time) {
    const now = this.#gripNow();
    this.#acts.scroll(this.#scrolled, (now.x - this.#grip.x) * this.#axes.x, (now.y - this.#grip.y) * this.#axes.y);
    this.#grip = now;
    this.#trail.push({ time, at: now });
    while (this.#trail[0].time < time - SPEED_MS) this.#trail.shift();
  }

  /** @param {number} time */
  #leaveScroll(time) {
    const [first] = this.#trail;
    const last = this.#trail.at(-1);
    // Fingers that rested before they left meant to stop there.
    if (first === undefined || last === undefined || time - last.time > SPEED_MS || last.time === first.time) return;
    const ms = last.time - first.time;
    this.#acts.fling(this.#scrolled, ((last.at.x - first.at.x) / ms) * this.#axes.x, ((last.at.y - first.at.y) / ms) * this.#axes.y);
  }

  /** What is left of a gesture is no gesture: one finger of two drags nothing. */
  #oneLess() {
    const goesOn = this.#phase === "several" || (this.#phase === "pinch" && this.#fingers.size > 1);
    if (!goesOn) this.#phase = "done";
    if (this.#phase === "pinch") this.#grip = this.#gripNow();
  }

  #tapOfSeveral() {
    if (this.#most === 2) this.#acts.click({ x: this.#grip.x, y: this.#grip.y }, RIGHT);
    else if (this.#most === 3) this.#acts.call();
  }

  /** @returns {Grip} */
  #gripNow() {
    const places = [...this.#fingers.values()].map(({ at }) => at);
    const x = places.reduce((sum, at) => sum + at.x, 0) / places.length;
    const y = places.reduce((sum, at) => sum + at.y, 0) / places.length;
    const distance = places.reduce((sum, at) => sum + far(at, { x, y }), 0) / places.length * 2;
    return { x, y, distance };
  }
}

/**
 * @param {Point} one
 * @param {Point} other
 */
function far(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
