/** The application's cursor as the CSS cursor of each element that shows it, so that it moves without a round trip. */

/** @typedef {import("../protocol/messages.js").Cursor} CursorMessage */

const KEPT = 64;

export class Cursor {
  /** @type {Set<HTMLElement>} */
  #elements = new Set();
  #ratio;
  /** By serial, oldest use first: where the picture is. @type {Map<number, {url: string, hotX: number, hotY: number}>} */
  #pictures = new Map();
  #serial = -1;

  /**
   * @param {HTMLElement} element
   * @param {() => number} ratio display pixels to a CSS pixel
   */
  constructor(element, ratio) {
    this.#elements.add(element);
    this.#ratio = ratio;
  }

  /** @param {CursorMessage} cursor */
  async add({ serial, hotX, hotY, width, height, rgba }) {
    const canvas = new OffscreenCanvas(width, height);
    const pixels = new Uint8ClampedArray(rgba);
    canvas.getContext("2d")?.putImageData(new ImageData(pixels, width, height), 0, 0);
    const url = URL.createObjectURL(await canvas.convertToBlob({ type: "image/png" }));
    this.#forget(serial);
    this.#pictures.set(serial, { url, hotX, hotY });
    for (const oldest of this.#pictures.keys()) {
      if (this.#pictures.size <= KEPT) break;
      if (oldest !== this.#serial) this.#forget(oldest);
    }
    if (serial === this.#serial) this.#show();
  }

  /** @param {HTMLElement} element */
  showOn(element) {
    this.#elements.add(element);
    this.#show();
  }

  /** @param {HTMLElement} element */
  leave(element) {
    this.#elements.delete(element);
  }

  /** @param {number} serial 0 hides it */
  use(serial) {
    this.#serial = serial;
    this.#show();
  }

  remove() {
    for (const serial of [...this.#pictures.keys()]) this.#forget(serial);
    this.#set("");
  }

  #show() {
    if (this.#serial === 0) this.#set("none");
    const picture = this.#pictures.get(this.#serial);
    if (picture === undefined) return;
    this.#pictures.delete(this.#serial);
    this.#pictures.set(this.#serial, picture);
    this.#set(cursorStyle(picture, this.#ratio()));
  }

  /** @param {string} style */
  #set(style) {
    for (const element of this.#elements) element.style.cursor = style;
  }

  /** @param {number} serial */
  #forget(serial) {
    const picture = this.#pictures.get(serial);
    if (picture) URL.revokeObjectURL(picture.url);
    this.#pictures.delete(serial);
  }
}

/**
 * The cursor's pixels are the display's; CSS counts hot spots in its own.
 * @param {{url: string, hotX: number, hotY: number}} picture
 * @param {number} ratio
 */
export function cursorStyle({ url, hotX, hotY }, ratio) {
  const image = ratio === 1 ? `url("${url}")` : `image-set(url("${url}") ${ratio}x)`;
  return `${image} ${Math.round(hotX / ratio)} ${Math.round(hotY / ratio)}, default`;
}
