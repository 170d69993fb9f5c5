/** Fingers on the picture as POINTER and WHEEL, or as a zoom of the picture that stays here. What they mean: gestures.js. */

import { Fling } from "./fling.js";
import { Gestures } from "./gestures.js";
import { modifiersOf } from "./keymap.js";
import { MoveCoalescer, WheelNotches } from "./motion.js";

/** @typedef {import("../protocol/messages.js").Input} Input */
/** @typedef {import("./gestures.js").Point} Point */
/** @typedef {import("./gestures.js").Grip} Grip */
/**
 * What happens to the picture here.
 * @typedef {object} Zooming
 * @property {(from: Grip, to: Grip) => void} pinch
 * @property {() => void} pinched
 * @property {() => boolean} moves whether the picture is larger than what is seen of it
 */

/** Of a finger's way: as many pixels as applications scroll by a notch of the wheel, so that the content follows the finger. */
const PIXELS_PER_NOTCH = 60;
const WHEEL_PIXELS_PER_NOTCH = 100;
/** Of a picture that nobody enlarges. @type {Zooming} */
const FIXED = { pinch: () => {}, pinched: () => {}, moves: () => false };
/** Felt more than heard: the long press was taken. */
const BUZZ_MS = 12;

export class Touch {
  #element;
  /** The element's own: another's draws nothing while it is hidden. */
  #window;
  #send;
  #pixelAt;
  #moves;
  #notches = new WheelNotches();
  #fling = new Fling();
  #frame = 0;
  #modifiers = 0;
  #isDragging = false;
  #penIsDown = false;
  #listeners = new AbortController();
  #gestures;

  /**
   * @param {HTMLElement} element
   * @param {object} parts
   * @param {(input: Input) => void} parts.send
   * @param {(clientX: number, clientY: number) => Point} parts.pixelAt
   * @param {(at: Point) => void} parts.onpress before something is pressed: the moment to take the keyboard
   * @param {Zooming} [parts.zooming]
   * @param {() => void} [parts.oncall] three fingers call the keyboard
   */
  constructor(element, { send, pixelAt, onpress, zooming = FIXED, oncall = () => {} }) {
    this.#element = element;
    this.#window = element.ownerDocument.defaultView ?? globalThis;
    this.#send = send;
    this.#pixelAt = pixelAt;
    this.#moves = new MoveCoalescer(send, (run) => this.#window.requestAnimationFrame(run));
    this.#gestures = new Gestures({
      click: (at, buttons) => this.#click(at, buttons, onpress),
      drag: (at, buttons) => this.#drag(at, buttons, onpress),
      scroll: (at, dx, dy) => this.#scroll(at, dx, dy),
      fling: (at, vx, vy) => this.#startFling(at, vx, vy),
      pinch: (from, to) => zooming.pinch(from, to),
      pinched: () => zooming.pinched(),
      moves: () => zooming.moves(),
      call: oncall,
    });
    this.#listen("pointerdown", (event) => this.#down(event));
    this.#listen("pointermove", (event) => this.#each(event, (at) => this.#gestures.move(event.pointerId, at, event.timeStamp)));
    this.#listen("pointerup", (event) => this.#each(event, (at) => this.#gestures.up(event.pointerId, at, event.timeStamp)));
    this.#listen("pointercancel", (event) => this.#each(event, () => this.cancel()));
    // Safari goes back a page by a swipe from the edge, whatever the style sheet says, and selects text by a long press.
    for (const type of ["touchstart", "touchmove", "touchend", "contextmenu"])
      this.#listen(type, (event) => event.cancelable && event.preventDefault());
  }

  /** The fingers are forgotten: the page was left. */
  cancel() {
    this.#stopFling();
    this.#gestures.cancel();
  }

  stop() {
    this.cancel();
    this.#listeners.abort();
  }

  /**
   * @param {string} type
   * @param {(event: PointerEvent) => void} handle
   */
  #listen(type, handle) {
    const listener = /** @type {EventListener} */ (/** @type {unknown} */ (handle));
    this.#element.addEventListener(type, listener, { signal: this.#listeners.signal, passive: false });
  }

  /** @param {PointerEvent} event */
  #down(event) {
    this.#stopFling();
    if (event.pointerType === "pen") {
      // The hand that holds a pen rests on the screen.
      this.#gestures.cancel();
      this.#penIsDown = true;
    }
    this.#each(event, (at) => {
      this.#element.setPointerCapture(event.pointerId);
      this.#gestures.down(event.pointerId, at, event.timeStamp);
    });
  }

  /**
   * @param {PointerEvent} event
   * @param {(at: Point) => void} act
   */
  #each(event, act) {
    if (event.pointerType === "pen" && event.buttons === 0) this.#penIsDown = false;
    if (event.pointerType !== "touch" || this.#penIsDown) return;
    event.preventDefault();
    this.#modifiers = modifiersOf(event);
    act({ x: event.clientX, y: event.clientY });
  }

  // --- what they do

  /**
   * @param {Point} at
   * @param {number} buttons
   * @param {(at: Point) => void} onpress
   */
  #click(at, buttons, onpress) {
    onpress(at);
    if (buttons !== 1) navigator.vibrate?.(BUZZ_MS);
    // A finger has no way there: the application sees the pointer arrive before it sees it press.
    for (const held of [0, buttons, 0]) this.#moves.now(this.#pointer(at, held));
  }

  /**
   * @param {Point} at
   * @param {number} buttons
   * @param {(at: Point) => void} onpress
   */
  #drag(at, buttons, onpress) {
    if (this.#isDragging && buttons !== 0) return this.#moves.move(this.#pointer(at, buttons));
    if (!this.#isDragging) {
      onpress(at);
      this.#moves.now(this.#pointer(at, 0));
    }
    this.#isDragging = buttons !== 0;
    this.#moves.now(this.#pointer(at, buttons));
  }

  /**
   * @param {Point} at
   * @param {number} buttons
   */
  #pointer({ x, y }, buttons) {
    return { message: /** @type {const} */ ("POINTER"), ...this.#pixelAt(x, y), buttons, modifiers: this.#modifiers };
  }

  /**
   * The content follows the fingers, as it does everywhere on such devices: the wheel turns the other way.
   * @param {Point} at
   * @param {number} dx
   * @param {number} dy
   */
  #scroll(at, dx, dy) {
    const factor = -WHEEL_PIXELS_PER_NOTCH / PIXELS_PER_NOTCH;
    const turned = this.#notches.turn({ deltaX: dx * factor, deltaY: dy * factor, deltaMode: 0 });
    if (turned.dx === 0 && turned.dy === 0) return;
    this.#moves.flush();
    this.#send({ message: "WHEEL", ...this.#pixelAt(at.x, at.y), ...turned, modifiers: this.#modifiers });
  }

  /**
   * @param {Point} at
   * @param {number} vx
   * @param {number} vy
   */
  #startFling(at, vx, vy) {
    if (this.#fling.start(vx, vy, this.#window.performance.now())) this.#flingOn(at);
  }

  /** @param {Point} at */
  #flingOn(at) {
    this.#frame = this.#window.requestAnimationFrame((now) => {
      const way = this.#fling.step(now);
      if (way === null) return;
      this.#scroll(at, way.dx, way.dy);
      this.#flingOn(at);
    });
  }

  #stopFling() {
    this.#window.cancelAnimationFrame(this.#frame);
  }
}
