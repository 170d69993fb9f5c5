/** All windows of a session: the page's own and those opened from it, each a monitor of the display. */

import { arrange } from "./arrangement.js";
import { FurtherWindow } from "./further_window.js";

/** @typedef {import("../protocol/messages.js").Monitor} Monitor */
/** @typedef {import("./further_window.js").Box} Box */
/** @typedef {import("./arrangement.js").View} View */
/**
 * @typedef {Omit<import("./further_window.js").Parts, "onclosed" | "label" | "onvisibility"> & {
 *   label: (number: number) => string, onvisibility: () => void, onopened: (canvas: HTMLCanvasElement) => void,
 *   onclosed: (canvas: HTMLCanvasElement) => void}} Parts
 */

/** With the page's own. */
const MAXIMUM_WINDOWS = 4;

export class Windows {
  #parts;
  /** @type {FurtherWindow[]} */
  #further = [];
  #listeners = new AbortController();

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    // Nobody would draw into them any more.
    addEventListener("pagehide", () => this.close(), { signal: this.#listeners.signal });
  }

  get areSeveral() {
    return this.#further.length > 0;
  }

  get canOpen() {
    return this.#further.length + 1 < MAXIMUM_WINDOWS;
  }

  /** Whether any but the page's own is seen. */
  get areVisible() {
    return this.#further.some((one) => one.isVisible);
  }

  /** The window that has the focus; the page's own if none of the others has. @returns {Window} */
  get focused() {
    return this.#further.find((one) => one.isFocused)?.window ?? window;
  }

  /** By a click: a browser opens a window for nothing else. False if it does not even then. */
  open() {
    const { availWidth, availHeight } = screen;
    const size = `width=${Math.round(availWidth * 0.6)},height=${Math.round(availHeight * 0.7)}`;
    // To the right of the page's own, as far as the browser lets it go there.
    const opened = this.canOpen ? globalThis.open("", "", `popup=yes,left=${screenX + outerWidth},${size}`) : null;
    if (opened === null) return false;
    const further = new FurtherWindow(/** @type {Window & typeof globalThis} */ (opened), {
      ...this.#parts,
      label: this.#parts.label(this.#further.length + 2),
      onclosed: () => this.#closed(further),
    });
    this.#further.push(further);
    this.#parts.onopened(further.canvas);
    return true;
  }

  /**
   * Null while there is one.
   * @param {View} own the page's own
   * @param {{width: number, height: number}} limit of the display
   * @returns {Monitor[] | null}
   */
  monitors(own, limit) {
    if (!this.areSeveral) return null;
    /** @type {View[]} */
    const views = [own];
    for (const { view } of this.#further) {
      if (view === null) return null; // it reports its size in a moment
      views.push(view);
    }
    return arrange(views, limit);
  }

  /** @param {Monitor[]} monitors the page's own first */
  show(monitors) {
    this.#further.forEach((one, index) => one.show(monitors[index + 1]));
  }

  /** @param {Box} bounds */
  draw(bounds) {
    for (const one of this.#further) one.draw(bounds);
  }

  /** @param {string} title */
  name(title) {
    for (const one of this.#further) one.name(title);
  }

  close() {
    this.#listeners.abort();
    for (const one of this.#further.splice(0)) one.close();
  }

  /** @param {FurtherWindow} further */
  #closed(further) {
    const at = this.#further.indexOf(further);
    if (at < 0) return;
    this.#further.splice(at, 1);
    this.#parts.onclosed(further.canvas);
    further.close();
    this.#parts.onchanged();
  }
}
