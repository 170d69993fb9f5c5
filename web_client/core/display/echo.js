/**
 * A small canvas over the place where something small changes again and again: the line that is typed, a caret.
 *
 * Without a GPU Chromium copies a desynchronized canvas whole for each picture: 2 ms for 1920x1080, before the page can do
 * anything else, 0.2 ms for this one (measured; on the screen the change is 1.2 ms sooner). What is drawn here alone the
 * large canvas gets when it rests, or before it is drawn on itself; then both hold the same pixels, so that this one may come
 * and go unseen. Positions and sizes are in display pixels.
 */

/** @typedef {{x: number, y: number, width: number, height: number}} Box */

const WIDTH = 512;
const HEIGHT = 160;
/** Of the width, left of the change: text grows to the right. */
const BEFORE = 0.25;
/** A change larger than this is no echo of a key. */
const SMALL_WIDTH = 256;
const SMALL_HEIGHT = 96;
/** Longer than between two keys of somebody who types slowly: a copy for each was a fifth of the page's CPU (measured). */
const REST_MS = 1000;

export class Echo {
  #base;
  #context;
  /** @type {CanvasRenderingContext2D | null} */
  #own = null;
  /** What the small canvas covers. @type {Box} */
  #box = { x: 0, y: 0, width: 0, height: 0 };
  /** Whether it holds what the large one does not. */
  #ahead = false;
  #restTimer = 0;
  /** The last small change: one that comes near it again gets the canvas. @type {Box | null} */
  #last = null;

  /**
   * @param {HTMLCanvasElement} base the large canvas
   * @param {CanvasRenderingContext2D} context of it
   */
  constructor(base, context) {
    this.#base = base;
    this.#context = context;
  }

  /**
   * Draws a change if it lies within the small canvas; else it has to be drawn on the large one, which then holds everything.
   * @param {Box} bounds
   * @param {(context: CanvasRenderingContext2D, left: number, top: number) => void} paint with the display's pixel at
   *   (left, top) at the context's origin
   */
  take(bounds, paint) {
    if (this.#own === null || !holds(this.#box, bounds)) {
      this.settle();
      return false;
    }
    paint(this.#own, this.#box.x, this.#box.y);
    this.#ahead = true;
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => this.settle(), REST_MS);
    return true;
  }

  /** The large canvas was drawn on. @param {Box} bounds */
  drawn(bounds) {
    if (this.#own !== null && meet(this.#box, bounds)) this.#copyFromBase();
    const small = bounds.width <= SMALL_WIDTH && bounds.height <= SMALL_HEIGHT;
    if (!small) this.remove();
    else if (this.#last !== null && holds(around(this.#last, this.#base), bounds)) this.#place(bounds);
    this.#last = small ? bounds : null;
  }

  /** From here on the large canvas holds everything. */
  settle() {
    if (!this.#ahead || this.#own === null) return;
    clearTimeout(this.#restTimer);
    this.#context.drawImage(this.#own.canvas, this.#box.x, this.#box.y);
    this.#ahead = false;
  }

  remove() {
    this.settle();
    this.#own?.canvas.remove();
    this.#own = null;
    this.#last = null;
  }

  /**
   * A canvas of its own for each place: one that moved would show its pixels at the old one for a moment.
   * @param {Box} bounds
   */
  #place(bounds) {
    this.remove();
    const { style, width, height, clientWidth } = this.#base;
    const ratio = width / parseFloat(style.width || String(clientWidth));
    // Where the browser scales, the two canvases would be scaled apart, with a seam between them.
    if (Math.abs(ratio - devicePixelRatio) > 0.001) return;
    this.#box = clipped(around(bounds, this.#base), width, height);
    const canvas = document.createElement("canvas");
    canvas.width = this.#box.width;
    canvas.height = this.#box.height;
    this.#own = canvas.getContext("2d", { alpha: false, desynchronized: true });
    this.#copyFromBase();
    canvas.setAttribute("aria-hidden", "true");
    Object.assign(canvas.style, {
      position: "absolute",
      pointerEvents: "none",
      left: `${parseFloat(style.left) + this.#box.x / ratio}px`,
      top: `${parseFloat(style.top) + this.#box.y / ratio}px`,
      width: `${this.#box.width / ratio}px`,
      height: `${this.#box.height / ratio}px`,
    });
    this.#base.after(canvas);
  }

  #copyFromBase() {
    const { x, y, width, height } = this.#box;
    this.#own?.drawImage(this.#base, x, y, width, height, 0, 0, width, height);
  }
}

/**
 * @param {Box} bounds
 * @param {{width: number, height: number}} display
 * @returns {Box}
 */
function around(bounds, display) {
  const x = Math.min(bounds.x - WIDTH * BEFORE, display.width - WIDTH);
  const y = Math.min(bounds.y + bounds.height / 2 - HEIGHT / 2, display.height - HEIGHT);
  return { x: Math.max(0, Math.floor(x)), y: Math.max(0, Math.floor(y)), width: WIDTH, height: HEIGHT };
}

/**
 * @param {Box} box
 * @param {number} width
 * @param {number} height
 * @returns {Box}
 */
function clipped({ x, y, ...size }, width, height) {
  return { x, y, width: Math.min(size.width, width - x), height: Math.min(size.height, height - y) };
}

/**
 * @param {Box} outer
 * @param {Box} inner
 */
function holds(outer, inner) {
  return (
    inner.x >= outer.x &&
    inner.y >= outer.y &&
    inner.x + inner.width <= outer.x + outer.width &&
    inner.y + inner.height <= outer.y + outer.height
  );
}

/**
 * @param {Box} one
 * @param {Box} other
 */
function meet(one, other) {
  return (
    one.x < other.x + other.width &&
    other.x < one.x + one.width &&
    one.y < other.y + other.height &&
    other.y < one.y + one.height
  );
}
