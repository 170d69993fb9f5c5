/**
 * The canvas: its backing store is the display, pixel by pixel; its CSS size is that divided by the device's ratio.
 *
 * Tiles are put by a main-thread 2D context, desynchronized (measured: pixel on the screen 1 ms sooner).
 */

/** @typedef {import("./tiles.js").Picture} Picture */

export class Screen {
  #canvas = document.createElement("canvas");
  #context;

  /** @param {HTMLElement} element */
  constructor(element) {
    const context = this.#canvas.getContext("2d", { alpha: false, desynchronized: true });
    if (context === null) throw new Error("this browser has no 2D canvas");
    this.#context = context;
    this.#canvas.style.display = "block";
    this.#canvas.style.touchAction = "none";
    this.#canvas.setAttribute("aria-hidden", "true");
    element.append(this.#canvas);
    this.resize(1, 1);
  }

  get canvas() {
    return this.#canvas;
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

  /** One display pixel is one pixel of the device, whatever the ratio is now. */
  fit() {
    this.#canvas.style.width = `${this.width / devicePixelRatio}px`;
    this.#canvas.style.height = `${this.height / devicePixelRatio}px`;
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
      x: clamp(Math.floor((clientX - left) * devicePixelRatio), this.width),
      y: clamp(Math.floor((clientY - top) * devicePixelRatio), this.height),
    };
  }

  remove() {
    this.#canvas.remove();
  }
}

/**
 * @param {number} value
 * @param {number} size
 */
function clamp(value, size) {
  return Math.max(0, Math.min(size - 1, value));
}
