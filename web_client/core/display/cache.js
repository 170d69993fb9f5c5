/**
 * Tiles that the worker may draw again by their slot's number.
 *
 * Beyond the limit the least recently used are dropped, by the worker's count as by this one. When the worker starts anew
 * with all its slots empty, what it has forgotten goes first.
 */

import { CACHE_PIXELS } from "../protocol/operations.js";

export class TileCache {
  /** The one used last stands last. @type {Map<number, ImageData>} */
  #slots = new Map();
  #pixels = 0;

  get pixels() {
    return this.#pixels;
  }

  /**
   * @param {number} slot
   * @param {ImageData} image whose memory is its own from here on
   */
  put(slot, image) {
    this.#forget(slot);
    this.#slots.set(slot, image);
    this.#pixels += image.width * image.height;
    for (const unused of this.#slots.keys()) {
      if (this.#pixels <= CACHE_PIXELS) break;
      this.#forget(unused);
    }
  }

  /** @param {number} slot */
  get(slot) {
    const image = this.#slots.get(slot);
    if (image === undefined) return image;
    this.#slots.delete(slot);
    this.#slots.set(slot, image);
    return image;
  }

  clear() {
    this.#slots.clear();
    this.#pixels = 0;
  }

  /** @param {number} slot */
  #forget(slot) {
    const image = this.#slots.get(slot);
    if (image === undefined) return;
    this.#slots.delete(slot);
    this.#pixels -= image.width * image.height;
  }
}
