/** Tells how large a display fills an element: at once, then when it has kept a new size for 100 ms. */

/** @typedef {{width: number, height: number, pixelRatio: number}} ViewSize */

const SETTLED_MS = 100;
const MAXIMUM = 16384;

export class ViewObserver {
  #observer;
  #ratio;
  #report;
  /** @type {ViewSize | null} */
  #size = null;
  #timer = 0;

  /**
   * @param {HTMLElement} element
   * @param {() => number} ratio display pixels to a CSS pixel
   * @param {(size: ViewSize) => void} report
   */
  constructor(element, ratio, report) {
    this.#ratio = ratio;
    this.#report = report;
    // Its own window's: no other tells when the element's document is laid out.
    const { ResizeObserver } = /** @type {Window & typeof globalThis} */ (element.ownerDocument.defaultView);
    this.#observer = new ResizeObserver((entries) => this.#changed(/** @type {ResizeObserverEntry} */ (entries.at(-1))));
    try {
      this.#observer.observe(element, { box: "device-pixel-content-box" });
    } catch {
      // Safari has no such box: there, the content box times the ratio is as near as one gets.
      this.#observer.observe(element);
    }
  }

  get size() {
    return this.#size;
  }

  stop() {
    this.#observer.disconnect();
    clearTimeout(this.#timer);
  }

  /** @param {ResizeObserverEntry} entry */
  #changed(entry) {
    const size = sizeOf(entry, this.#ratio());
    const first = this.#size === null;
    // An element that is not shown has no size worth telling.
    if (size.width === 0 || size.height === 0) return;
    this.#size = size;
    clearTimeout(this.#timer);
    if (first) this.#report(size);
    else this.#timer = setTimeout(() => this.#report(size), SETTLED_MS);
  }
}

/**
 * @param {ResizeObserverEntry} entry
 * @param {number} ratio
 * @returns {ViewSize}
 */
function sizeOf({ contentRect, devicePixelContentBoxSize }, ratio) {
  const box = ratio === devicePixelRatio ? devicePixelContentBoxSize?.[0] : undefined;
  return {
    width: exactSide(contentRect.width * ratio, box?.inlineSize),
    height: exactSide(contentRect.height * ratio, box?.blockSize),
    pixelRatio: devicePixelRatio,
  };
}

/**
 * The browser's own count of device pixels; only it knows which way a fraction was rounded. Where device emulation is on,
 * Chromium counts CSS pixels instead: then, and in Safari, the computed side is as near as one gets.
 * @param {number} computed
 * @param {number} [counted]
 */
export function exactSide(computed, counted) {
  const side = counted !== undefined && Math.abs(counted - computed) <= 1 ? counted : Math.floor(computed + 0.01);
  return Math.min(side, MAXIMUM);
}
