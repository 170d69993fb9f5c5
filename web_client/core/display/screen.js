/**
 * The canvas: its backing store is the display, pixel by pixel; its CSS size is that divided by the display's ratio, the
 * one that the session was launched for. On a device of that ratio every pixel is exact, on others the browser scales.
 *
 * Tiles are put by a main-thread 2D context, desynchronized (measured: pixel on the screen 1 ms sooner).
 */

import { Echo } from "./echo.js";
import { Zoom } from "./zoom.js";

/** @typedef {import("./tiles.js").Picture} Picture */
/** @typedef {import("./echo.js").Box} Box */

export class Screen {
  #canvas = document.createElement("canvas");
  #element;
  #context;
  #echo;
  #fixedRatio;
  /** A display cannot become larger than this. */
  #limit = { width: Infinity, height: Infinity };
  #zoom = new Zoom();
  /** What is seen of the element: all but so much of its height. */
  #covered = { top: 0, bottom: 0 };

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
    const size = { width: this.width / this.ratio, height: this.height / this.ratio };
    // Only a display that cannot grow is centred: any other is about to fill the view.
    const left = this.width < this.#limit.width ? 0 : centred(clientWidth, size.width);
    const top = this.height < this.#limit.height ? 0 : centred(clientHeight, size.height);
    const { top: from, bottom } = this.#covered;
    this.#zoom.fit({ left, top, ...size }, { left: 0, top: from, width: clientWidth, height: clientHeight - from - bottom });
    this.#place();
  }

  #place() {
    this.#echo.remove();
    const { left, top, width, height } = this.#zoom.place;
    const { style } = this.#canvas;
    style.width = `${width}px`;
    style.height = `${height}px`;
    style.left = `${exact(left)}px`;
    style.top = `${exact(top)}px`;
    // Where each pixel becomes several of the device's, smoothing would only blur them.
    style.imageRendering = this.#zoom.scale * devicePixelRatio >= 2 * this.ratio ? "pixelated" : "";
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
    this.#zoom.reveal({ left: x / ratio, top: y / ratio, width: width / ratio, height: height / ratio });
    this.#place();
  }

  /** @param {Picture} picture */
  draw(picture) {
    if (picture.parts.length === 0) return;
    const bounds = boundsOf(picture.parts);
    const paint = (/** @type {CanvasRenderingContext2D} */ context, /** @type {number} */ left, /** @type {number} */ top) =>
      put(picture, context, left, top);
    if (this.#echo.take(bounds, paint)) return;
    paint(this.#context, 0, 0);
    this.#echo.drawn(bounds);
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
 * @param {Picture} picture
 * @param {CanvasRenderingContext2D} context whose origin is the display's pixel (left, top)
 * @param {number} left
 * @param {number} top
 */
function put({ parts, pixels }, context, left, top) {
  for (const part of parts) {
    if ("colour" in part) {
      context.fillStyle = part.colour;
      context.fillRect(part.x - left, part.y - top, part.width, part.height);
    } else {
      const rgba = new Uint8ClampedArray(pixels, part.offset, part.width * part.height * 4);
      context.putImageData(new ImageData(rgba, part.width, part.height), part.x - left, part.y - top);
    }
  }
}

/**
 * @param {Box[]} boxes at least one
 * @returns {Box}
 */
function boundsOf(boxes) {
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  return { x, y, width: right - x, height: bottom - y };
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
