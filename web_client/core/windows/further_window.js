/**
 * A further browser window of a session: shows its part of the display and takes keyboard and pointer for it.
 *
 * The window is an empty page of the same origin, which the page that opened it fills and draws into; the session has one
 * connection, whatever the number of its windows.
 */

import { ViewObserver } from "../display/view_size.js";
import { Keyboard } from "../input/keyboard.js";
import { Pointer } from "../input/pointer.js";
import { createTextArea, placeTextArea } from "../input/text_area.js";
import { Touch } from "../input/touch.js";

/** @typedef {import("../protocol/messages.js").Input} Input */
/** @typedef {import("../protocol/messages.js").Monitor} Monitor */
/** @typedef {{x: number, y: number, width: number, height: number}} Box */
/**
 * @typedef {object} Parts
 * @property {string} label what assistive technology calls it
 * @property {HTMLCanvasElement} display what is shown, a part of it in this window
 * @property {() => number} ratio display pixels to a CSS pixel
 * @property {(input: Input) => void} send
 * @property {import("../input/keyboard.js").Clipboard} clipboard
 * @property {() => boolean} isAway whether the application is out of reach just now
 * @property {import("../input/keyboard.js").Platform} platform
 * @property {() => void} onchanged its size or place
 * @property {() => void} onclosed by its user
 * @property {() => void} onvisibility it was hidden, or is seen again
 */

const POSITION_MS = 1000;

export class FurtherWindow {
  #window;
  #display;
  #ratio;
  #element;
  #canvas;
  #context;
  #area;
  #keyboard;
  #pointer;
  #touch;
  #view;
  /** @type {Monitor} */
  #monitor = { x: 0, y: 0, width: 1, height: 1 };
  #left;
  #watch;
  #listeners = new AbortController();

  /**
   * @param {Window & typeof globalThis} window empty
   * @param {Parts} parts
   */
  constructor(window, { label, display, ratio, send, clipboard, isAway, platform, onchanged, onclosed, onvisibility }) {
    this.#window = window;
    this.#display = display;
    this.#ratio = ratio;
    const { document } = window;
    this.#element = filledWith(document, label);
    this.#canvas = document.createElement("canvas");
    Object.assign(this.#canvas.style, { position: "absolute", left: "0", top: "0" });
    this.#canvas.setAttribute("aria-hidden", "true");
    this.#element.append(this.#canvas);
    this.#context = this.#canvas.getContext("2d", { alpha: false, desynchronized: true });
    this.#area = createTextArea(this.#element, label);
    this.#keyboard = new Keyboard(this.#area, { send, clipboard, isAway, platform });
    const press = (/** @type {{clientX: number, clientY: number}} */ at) => {
      placeTextArea(this.#area, at);
      this.focus();
    };
    const pixelAt = (/** @type {number} */ x, /** @type {number} */ y) => this.#pixelAt(x, y);
    this.#pointer = new Pointer(this.#canvas, { send, pixelAt, onpress: press });
    this.#touch = new Touch(this.#element, { send, pixelAt, onpress: ({ x, y }) => press({ clientX: x, clientY: y }) });
    this.#view = new ViewObserver(this.#element, ratio, onchanged);
    this.#left = window.screenX;
    this.#watch = setInterval(() => this.#watchWindow(onchanged, onclosed), POSITION_MS);
    const { signal } = this.#listeners;
    window.addEventListener("pagehide", () => onclosed(), { signal });
    document.addEventListener("visibilitychange", () => onvisibility(), { signal });
    this.#area.addEventListener("blur", () => this.#pointer.released(), { signal });
    this.focus();
  }

  get canvas() {
    return this.#canvas;
  }

  /** @returns {Window} */
  get window() {
    return this.#window;
  }

  get isFocused() {
    return this.#window.document.hasFocus();
  }

  get isVisible() {
    return this.#window.document.visibilityState === "visible";
  }

  /** What it can show; null until that is known. @returns {import("./arrangement.js").View | null} */
  get view() {
    const size = this.#view.size;
    return size && { width: size.width, height: size.height, left: this.#left };
  }

  focus() {
    this.#area.focus({ preventScroll: true });
  }

  /** @param {string} title */
  name(title) {
    this.#window.document.title = title;
  }

  /** @param {Monitor} monitor the part of the display that it shows */
  show(monitor) {
    this.#monitor = monitor;
    const { width, height } = monitor;
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    const ratio = this.#ratio();
    Object.assign(this.#canvas.style, { width: `${width / ratio}px`, height: `${height / ratio}px` });
    this.draw(monitor);
  }

  /** The display was drawn on. @param {Box} bounds */
  draw(bounds) {
    const part = common(bounds, this.#monitor);
    if (part === null) return;
    const { x, y, width, height } = part;
    const { x: left, y: top } = this.#monitor;
    this.#context?.drawImage(this.#display, x, y, width, height, x - left, y - top, width, height);
  }

  releaseAll() {
    this.#keyboard.releaseAll();
  }

  /** Takes the window away; `onclosed` hears nothing of it. */
  close() {
    this.#listeners.abort();
    clearInterval(this.#watch);
    for (const part of [this.#view, this.#keyboard, this.#pointer, this.#touch]) part.stop();
    this.#window.close();
  }

  /**
   * A window tells nobody that it was moved, nor, if it is taken away roughly, that it is gone.
   * @param {() => void} onchanged
   * @param {() => void} onclosed
   */
  #watchWindow(onchanged, onclosed) {
    if (this.#window.closed) return onclosed();
    if (this.#window.screenX === this.#left) return;
    this.#left = this.#window.screenX;
    onchanged();
  }

  /**
   * @param {number} clientX
   * @param {number} clientY
   */
  #pixelAt(clientX, clientY) {
    const { left, top } = this.#canvas.getBoundingClientRect();
    const ratio = this.#ratio();
    const { x, y } = this.#monitor;
    return {
      x: clamp(x + Math.floor((clientX - left) * ratio), this.#display.width),
      y: clamp(y + Math.floor((clientY - top) * ratio), this.#display.height),
    };
  }
}

/**
 * @param {Document} document
 * @param {string} label
 */
function filledWith(document, label) {
  const element = document.createElement("main");
  element.setAttribute("aria-label", label);
  document.title = label;
  document.documentElement.lang = globalThis.document.documentElement.lang;
  Object.assign(document.body.style, { margin: "0", overflow: "hidden", background: "#16181d" });
  Object.assign(element.style, { position: "fixed", inset: "0", overflow: "hidden", touchAction: "none" });
  document.body.append(element);
  return element;
}

/**
 * @param {Box} one
 * @param {Box} other
 * @returns {Box | null}
 */
export function common(one, other) {
  const x = Math.max(one.x, other.x);
  const y = Math.max(one.y, other.y);
  const width = Math.min(one.x + one.width, other.x + other.width) - x;
  const height = Math.min(one.y + one.height, other.y + other.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

/**
 * @param {number} value
 * @param {number} size
 */
function clamp(value, size) {
  return Math.max(0, Math.min(size - 1, value));
}
