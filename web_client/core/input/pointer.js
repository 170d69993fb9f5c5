/** Mouse and pen as POINTER and WHEEL (fingers: touch.js): every button change at once, movements one an animation frame. */

import { modifiersOf } from "./keymap.js";
import { MoveCoalescer, WheelNotches } from "./motion.js";

/** @typedef {import("../protocol/messages.js").Input} Input */

/** Left, right, middle, back, forward: as `MouseEvent.buttons` counts them. */
const BUTTONS = 0b11111;

export class Pointer {
  #element;
  #send;
  #pixelAt;
  #moves;
  #notches = new WheelNotches();
  #buttons = 0;
  #listeners = new AbortController();

  /**
   * @param {HTMLElement} element
   * @param {object} parts
   * @param {(input: Input) => void} parts.send
   * @param {(clientX: number, clientY: number) => {x: number, y: number}} parts.pixelAt
   * @param {(event: PointerEvent) => void} parts.onpress the first button goes down: the moment to take the keyboard
   */
  constructor(element, { send, pixelAt, onpress }) {
    this.#element = element;
    this.#send = send;
    this.#pixelAt = pixelAt;
    const window = element.ownerDocument.defaultView ?? globalThis;
    this.#moves = new MoveCoalescer(send, (run) => window.requestAnimationFrame(run));
    this.#listen("pointerdown", (event) => this.#pressed(event, onpress));
    for (const type of ["pointermove", "pointerup"]) this.#listen(type, (event) => this.#moved(event));
    this.#listen("pointercancel", (event) => this.#moved(event, 0));
    this.#listen("lostpointercapture", (event) => this.#moved(event, event.buttons));
    this.#listen("wheel", (event) => this.#wheeled(/** @type {any} */ (event)));
    // The menu, back and forward belong to the application here.
    for (const type of ["contextmenu", "auxclick", "mousedown", "mouseup"]) this.#listen(type, (event) => event.preventDefault());
  }

  stop() {
    this.#listeners.abort();
  }

  /** The application was told to release everything. */
  released() {
    this.#moves.drop();
    this.#buttons = 0;
  }

  /**
   * @param {string} type
   * @param {(event: PointerEvent) => void} handle
   */
  #listen(type, handle) {
    const listener = /** @type {EventListener} */ (/** @type {unknown} */ (handle));
    this.#element.addEventListener(type, listener, { signal: this.#listeners.signal, passive: false });
  }

  /**
   * @param {PointerEvent} event
   * @param {(event: PointerEvent) => void} onpress
   */
  #pressed(event, onpress) {
    if (event.pointerType === "touch") return;
    event.preventDefault();
    onpress(event);
    this.#element.setPointerCapture(event.pointerId);
    this.#moved(event);
  }

  /**
   * @param {PointerEvent} event
   * @param {number} [buttons]
   */
  #moved(event, buttons = event.buttons) {
    if (event.pointerType === "touch") return;
    const held = buttons & BUTTONS;
    const message = /** @type {const} */ ("POINTER");
    const at = { message, ...this.#pixelAt(event.clientX, event.clientY), modifiers: modifiersOf(event) };
    if (held === this.#buttons) return this.#moves.move({ ...at, buttons: held });
    // Not every pen is seen on its way there: the application sees the pointer arrive before it sees it press.
    if (event.pointerType === "pen" && this.#buttons === 0) this.#moves.now({ ...at, buttons: 0 });
    this.#buttons = held;
    this.#moves.now({ ...at, buttons: held });
  }

  /** @param {WheelEvent} event */
  #wheeled(event) {
    event.preventDefault();
    this.#moves.flush();
    const { dx, dy } = this.#notches.turn(event);
    if (dx === 0 && dy === 0) return;
    this.#send({
      message: "WHEEL", ...this.#pixelAt(event.clientX, event.clientY), dx, dy, modifiers: modifiersOf(event),
    });
  }
}
