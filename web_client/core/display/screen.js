/**
 * The canvas: its backing store is the display, pixel by pixel; its CSS size is that divided by the display's ratio, the
 * one that the session was launched for. On a device of that ratio every pixel is exact, on others the browser scales.
 *
 * Tiles are put by a main-thread 2D context, desynchronized (measured: pixel on the screen 1 ms sooner).
 */

import { TileCache } from "./cache.js";
import { Mover, boundsOf, put, resolve } from "./drawing.js";
import { Echo } from "./echo.js";
import { Zoom } from "./zoom.js";

/** @typedef {import("./tiles.js").Picture} Picture */
/** @typedef {import("./echo.js").Box} Box */

export class Screen {
  #canvas = document.createElement("canvas");
  #element;
  #context;
  #echo;
  #cache = new TileCache();
  #mover = new Mover();
  #fixedRatio;
  /** A display cannot become larger than this. */
  #limit = { width: Infinity, height: Infinity };
  #zoom = new Zoom();
  /** What is seen of the element: all but so much of its height. */
  #covered = { top: 0, bottom: 0 };
  /** What of the display is shown here, the rest in other windows; null: all of it. @type {Box | null} */
  #part = null;
  /** Who copies from the canvas what is drawn on it, which is then all on it. @type {((bounds: Box) => void) | null} */
  ondrawn = null;

  /**
   * @param {HTMLElement} element
   * @param {number} [ratio] display pixels to a CSS pixel; without it the device's, whatever that is at the time
   */
  constructor(element, ratio) {
    this.#element = element;
    this.#fixedRatio = ratio;
    const context = this.#canvas.getContext("2d", { alpha: false, desynchronized: true });
    if (context === null) throw new Error("this browser has no 2D canvas");
    this.#context = context;
    this.#echo = new Echo(this.#canvas, context);
    this.#canvas.style.position = "absolute";
    this.#canvas.style.touchAction = "none";
    this.#canvas.setAttribute("aria-hidden", "true");
    element.append(this.#canvas);
    this.resize(1, 1);
  }

  get canvas() {
    return this.#canvas;
  }

  get ratio() {
    return this.#fixedRatio ?? devicePixelRatio;
  }

  get width() {
    return this.#canvas.width;
  }

  get height() {
    return this.#canvas.height;
  }

  /**
   * Takes the display's new size; what was shown stays until it is drawn over, so that resizing does not flash.
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    if (width !== this.width || height !== this.height) {
      this.#echo.remove();
      const kept = new OffscreenCanvas(this.width, this.height);
      kept.getContext("2d", { alpha: false })?.drawImage(this.#canvas, 0, 0);
      this.#canvas.width = width;
      this.#canvas.height = height;
      this.#context.drawImage(kept, 0, 0);
      this.#mover.forget();
    }
    this.fit();
  }

  /** @param {{width: number, height: number}} limit */
  limitTo(limit) {
    this.#limit = limit;
  }

  /** At the display's own ratio one display pixel is one pixel of the device. */
  fit() {
    this.#echo.remove();
    const { clientWidth, clientHeight } = this.#element;
    const shown = this.#shown;
    const size = { width: shown.width / this.ratio, height: shown.height / this.ratio };
    // Only a display that cannot grow is centred: any other is about to fill the view.
    const left = shown.width < this.#limit.width ? 0 : centred(clientWidth, size.width);
    const top = shown.height < this.#limit.height ? 0 : centred(clientHeight, size.height);
    const { top: from, bottom } = this.#covered;
    this.#zoom.fit({ left, top, ...size }, { left: 0, top: from, width: clientWidth, height: clientHeight - from - bottom });
    this.#place();
  }

  #place() {
    this.#echo.remove();
    const { left, top, width } = this.#zoom.place;
    const { style } = this.#canvas;
    const shown = this.#shown;
    const toPage = width / shown.width;
    style.width = `${this.width * toPage}px`;
    style.height = `${this.height * toPage}px`;
    style.left = `${exact(left - shown.x * toPage)}px`;
    style.top = `${exact(top - shown.y * toPage)}px`;
    // Where each pixel becomes several of the device's, smoothing would only blur them.
    style.imageRendering = this.#zoom.scale * devicePixelRatio >= 2 * this.ratio ? "pixelated" : "";
  }

  /** Another part of the display, at once; null: all of it. @param {Box | null} part */
  showPart(part) {
    this.#part = part;
    this.fit();
  }

  get #shown() {
    return this.#part ?? { x: 0, y: 0, width: this.width, height: this.height };
  }

  // --- the picture enlarged and moved, here only

  get zoomScale() {
    return this.#zoom.scale;
  }

  /** Whether there is more of the picture than is seen. */
  get overflows() {
    return this.#zoom.overflows;
  }

  /**
   * In CSS pixels of the viewport.
   * @param {import("../input/gestures.js").Grip} from
   * @param {import("../input/gestures.js").Grip} to
   */
  pinch(from, to) {
    const { left, top } = this.#element.getBoundingClientRect();
    const inside = (/** @type {import("../input/gestures.js").Grip} */ grip) => ({ ...grip, x: grip.x - left, y: grip.y - top });
    this.#zoom.pinch(inside(from), inside(to));
    this.#place();
  }

  settleZoom() {
    this.#zoom.settle();
    this.#place();
  }

  resetZoom() {
    this.#zoom.reset();
    this.#place();
  }

  /** Something lies over the upper or the lower part of the element. @param {{top: number, bottom: number}} covered */
  cover(covered) {
    this.#covered = covered;
    this.fit();
  }

  /** Moves the picture so that this part of the display is seen. @param {Box} box */
  reveal({ x, y, width, height }) {
    const { ratio } = this;
    this.#zoom.reveal({ left: (x - this.#shown.x) / ratio, top: (y - this.#shown.y) / ratio, width: width / ratio, height: height / ratio });
    this.#place();
  }

  /**
   * What was drawn: less than all where a slot was empty.
   * @param {Picture} picture
   */
  draw(picture) {
    const parts = resolve(picture, this.#cache, this);
    if (parts.length === 0) return parts;
    const bounds = boundsOf(parts);
    const paint = (/** @type {CanvasRenderingContext2D} */ context, /** @type {number} */ left, /** @type {number} */ top) =>
      put(parts, context, left, top, this.#mover);
    if (this.ondrawn === null && this.#echo.take(bounds, paint)) return parts;
    paint(this.#context, 0, 0);
    if (this.ondrawn === null) this.#echo.drawn(bounds);
    else this.ondrawn(bounds);
    return parts;
  }

  /** What slots keep: a worker of a new connection knows nothing of it. */
  forget() {
    this.#cache.clear();
  }

  /**
   * The display pixel under a point of the viewport, clamped to the display.
   * @param {number} clientX
   * @param {number} clientY
   */
  pixelAt(clientX, clientY) {
    const { left, top } = this.#canvas.getBoundingClientRect();
    const ratio = this.ratio / this.#zoom.scale;
    return {
      x: clamp(Math.floor((clientX - left) * ratio), this.width),
      y: clamp(Math.floor((clientY - top) * ratio), this.height),
    };
  }

  remove() {
    this.#echo.remove();
    this.#canvas.remove();
  }
}

/**
 * Half of the space that is left, in whole pixels of the device, so that nothing is blurred.
 * @param {number} space
 * @param {number} size
 */
function centred(space, size) {
  return Math.max(0, Math.floor(((space - size) / 2) * devicePixelRatio) / devicePixelRatio);
}

/** In whole pixels of the device. @param {number} at */
function exact(at) {
  return Math.round(at * devicePixelRatio) / devicePixelRatio;
}

/**
 * @param {number} value
 * @param {number} size
 */
function clamp(value, size) {
  return Math.max(0, Math.min(size - 1, value));
}
