/**
 * How the picture lies in its view: at rest, or enlarged and moved by fingers. Pure; everything in CSS pixels of the element.
 *
 * Never smaller than at rest, never larger than eight times, and never moved so far that the view shows what is beside the
 * picture. The view is what is seen of the element: less than the element while a phone's keyboard covers some of it.
 */

/** @typedef {{left: number, top: number, width: number, height: number}} Place */
/** @typedef {import("../input/gestures.js").Grip} Grip */

const LARGEST = 8;
/** Let go at less, it was meant to be as before. */
const NEARLY_ONE = 1.08;
/** Around what is to be seen. */
const MARGIN = 24;

export class Zoom {
  scale = 1;
  #left = 0;
  #top = 0;
  /** @type {Place} */
  #rest = { left: 0, top: 0, width: 1, height: 1 };
  /** @type {Place} */
  #view = { left: 0, top: 0, width: 1, height: 1 };

  /** Whether there is more of the picture than is seen. */
  get overflows() {
    const { left, top, width, height } = this.#rest;
    return this.scale > 1 || !within(left, width, this.#view.left, this.#view.width) || !within(top, height, this.#view.top, this.#view.height);
  }

  /**
   * Where the picture lies when nothing enlarges it, and what is seen of its element.
   * @param {Place} rest
   * @param {Place} view
   */
  fit(rest, view) {
    this.#rest = rest;
    this.#view = view;
    this.#bound();
  }

  /** @returns {Place} */
  get place() {
    return { left: this.#left, top: this.#top, width: this.#rest.width * this.scale, height: this.#rest.height * this.scale };
  }

  /**
   * What was under the fingers stays under them.
   * @param {Grip} from
   * @param {Grip} to
   */
  pinch(from, to) {
    const wanted = from.distance > 0 && to.distance > 0 ? this.scale * to.distance / from.distance : this.scale;
    const scale = Math.max(1, Math.min(LARGEST, wanted));
    this.#left = to.x - (from.x - this.#left) * scale / this.scale;
    this.#top = to.y - (from.y - this.#top) * scale / this.scale;
    this.scale = scale;
    this.#bound();
  }

  settle() {
    if (this.scale < NEARLY_ONE) this.reset();
  }

  reset() {
    this.scale = 1;
    this.#left = this.#rest.left;
    this.#top = this.#rest.top;
    this.#bound();
  }

  /**
   * Moves the picture just so far that this part of it is seen.
   * @param {Place} part in pixels of the picture at rest
   */
  reveal({ left, top, width, height }) {
    const { scale } = this;
    this.#left += shift(this.#left + left * scale, width * scale, this.#view.left, this.#view.width);
    this.#top += shift(this.#top + top * scale, height * scale, this.#view.top, this.#view.height);
    this.#bound();
  }

  #bound() {
    const { left, top, width, height } = this.place;
    const rest = this.scale === 1 ? this.#rest : null;
    this.#left = bounded(left, width, rest?.left ?? null, this.#view.left, this.#view.width);
    this.#top = bounded(top, height, rest?.top ?? null, this.#view.top, this.#view.height);
  }
}

/**
 * @param {number} at where the picture begins
 * @param {number} size of the picture
 * @param {number | null} rest where it belongs if all of it is seen there; null: nowhere, being enlarged
 * @param {number} from where the view begins
 * @param {number} space of the view
 */
function bounded(at, size, rest, from, space) {
  if (rest !== null && within(rest, size, from, space)) return rest;
  if (size <= space) return from + (space - size) / 2;
  return Math.max(from + space - size, Math.min(from, at));
}

/**
 * Half a pixel more or less is the rounding of a ratio.
 * @param {number} at
 * @param {number} size
 * @param {number} from
 * @param {number} space
 */
function within(at, size, from, space) {
  return at >= from - 0.5 && at + size <= from + space + 0.5;
}

/**
 * @param {number} at
 * @param {number} size
 * @param {number} from
 * @param {number} space
 */
function shift(at, size, from, space) {
  const margin = Math.max(0, Math.min(MARGIN, (space - size) / 2));
  if (at < from + margin) return from + margin - at;
  if (at + size > from + space - margin) return Math.max(from + space - margin - at - size, from + margin - at);
  return 0;
}
