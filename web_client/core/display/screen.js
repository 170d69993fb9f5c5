/**
 * The canvas: its backing store is the display, pixel by pixel; its CSS size is that divided by the display's ratio, the
 * one that the session was launched for. On a device of that ratio every pixel is exact, on others the browser scales.
 *
 * Tiles are put by a main-thread 2D context, desynchronized (measured: pixel on the screen 1 ms sooner).
 */

/** @typedef {import("./tiles.js").Picture} Picture */

export class Screen {
  #canvas = document.createElement("canvas");
  #element;
  #context;
  #fixedRatio;
  /** A display cannot become larger than this. */
  #limit = { width: Infinity, height: Infinity };

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
    const { style } = this.#canvas;
    style.width = `${this.width / this.ratio}px`;
    style.height = `${this.height / this.ratio}px`;
    // Only a display that cannot grow is centred: any other is about to fill the view.
    style.left = this.width < this.#limit.width ? "0" : centred(this.#element.clientWidth, this.width / this.ratio);
    style.top = this.height < this.#limit.height ? "0" : centred(this.#element.clientHeight, this.height / this.ratio);
  }

  /** @param {Picture} picture */
  draw({ parts, pixels }) {
    for (const part of parts) {
      if ("colour" in part) {
        this.#context.fillStyle = part.colour;
        this.#context.fillRect(part.x, part.y, part.width, part.height);
      } else {
        const rgba = new Uint8ClampedArray(pixels, part.offset, part.width * part.height * 4);
        this.#context.putImageData(new ImageData(rgba, part.width, part.height), part.x, part.y);
      }
    }
  }

  /**
   * The display pixel under a point of the viewport, clamped to the display.
   * @param {number} clientX
   * @param {number} clientY
   */
  pixelAt(clientX, clientY) {
    const { left, top } = this.#canvas.getBoundingClientRect();
    return {
      x: clamp(Math.floor((clientX - left) * this.ratio), this.width),
      y: clamp(Math.floor((clientY - top) * this.ratio), this.height),
    };
  }

  remove() {
    this.#canvas.remove();
  }
}

/**
 * Half of the space that is left, in whole pixels of the device, so that nothing is blurred.
 * @param {number} space
 * @param {number} size
 */
function centred(space, size) {
  return `${Math.max(0, Math.floor(((space - size) / 2) * devicePixelRatio) / devicePixelRatio)}px`;
}

/**
 * @param {number} value
 * @param {number} size
 */
function clamp(value, size) {
  return Math.max(0, Math.min(size - 1, value));
}
