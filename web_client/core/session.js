/**
 * The session library's public face: one remote session shown in one element.
 *
 *     const session = new Session({ element, gateways, sessionId, key, ticket, renewGrant });
 *     session.addEventListener("state", ({ detail }) => ...);
 *     session.connect();
 *
 * It knows no portal: tickets, grants and the login's key come in as functions and values. It touches only `element`
 * (give it a size and a position; it gets a canvas and an invisible text area). Events, each with `detail`:
 *
 *   state      {state, code}   connecting | active | reconnecting | closed; `code` tells why (docs/protocol.md 1.6)
 *   drawn      {}              the first picture is on the screen
 *   title      {title}         of the application's active window
 *   message    {text}          what an administrator tells the user
 *   covered    {reason}        why the screen cannot be seen now: locked, prompt, off; empty: it can
 *   notice     {code}          something the user should know: clipboard_too_large, input_lost
 *   quality    quality_watch.js's View, each second while it is watched
 *   modifiers  {}              those that are held without a key have changed (`modifiers.stateOf`)
 *   keyboard   {shown}         whether the system's on-screen keyboard was called
 *   zoom       {scale}         of the picture, which fingers enlarge
 *   windows    {canOpen}       whether `openWindow` gives the session another monitor
 */

import { BrowserClipboard } from "./clipboard.js";
import { Connection } from "./connection.js";
import { Cursor } from "./display/cursor.js";
import { Screen } from "./display/screen.js";
import { ViewObserver } from "./display/view_size.js";
import { isKeyboardLent } from "./fullscreen.js";
import { Handheld } from "./handheld.js";
import { Keyboard } from "./input/keyboard.js";
import { Pointer } from "./input/pointer.js";
import { StickyModifiers, chordInputs } from "./input/sticky.js";
import { createTextArea, placeTextArea } from "./input/text_area.js";
import { FEATURE, PERMIT } from "./protocol/messages.js";
import { QualityWatch } from "./quality_watch.js";
import { Transport } from "./transport/transport.js";
import { Windows } from "./windows/windows.js";

export { prepare } from "./transport/transport.js";

/** @typedef {import("./connection.js").Attach} Attach */
/** @typedef {import("./protocol/messages.js").Input} Input */
/** @typedef {import("./protocol/messages.js").Welcome} Welcome */
/** @typedef {import("./transport/transport.js").Received} Received */
/** @typedef {import("./display/tiles.js").Picture} Picture */
/**
 * @typedef {Attach & {
 *   element: HTMLElement,
 *   label?: string,
 *   pixelRatio?: number,
 *   reserved?: (event: KeyboardEvent) => boolean}} Options
 *   `label`: what assistive technology calls the session; `pixelRatio`: that of the launch, for which the pixels are exact;
 *   `reserved`: strokes that the page keeps for itself
 */

const REFRESH_PAUSE_MS = 5000;

export class Session extends EventTarget {
  #transport = new Transport();
  #connection;
  #screen;
  #cursor;
  #area;
  #view;
  #keyboard;
  #pointer;
  #handheld;
  #quality;
  #windows;
  #takesMonitors = false;
  /** The display's limit. */
  #limit = { width: 0, height: 0 };
  #clipboard;
  /** Held without a key. */
  modifiers = new StickyModifiers();
  #clipboardSerial = 0;
  /** The text that input still on its way may be about to paste. @type {string | null} */
  #clipboardSent = null;
  #drawn = false;
  #refreshAskedAt = -Infinity;
  #listeners = new AbortController();

  /** @param {Options} options */
  constructor({ element, label = "", pixelRatio, reserved, ...attach }) {
    super();
    this.#connection = new Connection(attach, this.#transport);
    this.#screen = new Screen(element, pixelRatio);
    this.#cursor = new Cursor(this.#screen.canvas, () => this.#screen.ratio);
    this.#area = createTextArea(element, label);
    const send = (/** @type {Input} */ input) => this.#input(input);
    const isAway = () => this.#connection.state !== "active";
    this.#clipboard = new BrowserClipboard(element, {
      window: () => this.#windows.focused,
      send: (text) => this.#sendClipboard(text),
      refused: (code) => this.#tell("notice", { code }),
    });
    this.#keyboard = new Keyboard(this.#area, {
      send, clipboard: this.#clipboard, reserved, areKeysLent: isKeyboardLent, isAway, platform: platform(),
    });
    this.#pointer = new Pointer(this.#screen.canvas, {
      send,
      pixelAt: (x, y) => this.#screen.pixelAt(x, y),
      onpress: (event) => {
        placeTextArea(this.#area, event);
        this.focus();
      },
    });
    const tell = (/** @type {string} */ type, /** @type {object} */ detail) => this.#tell(type, detail);
    this.#handheld = new Handheld(element, { screen: this.#screen, area: this.#area, send, tell });
    this.#quality = new QualityWatch({
      send: (message) => this.#connection.send(message),
      receivedBytes: () => this.#transport.receivedBytes,
      show: (view) => tell("quality", view),
    });
    this.#windows = new Windows({
      label: (number) => `${label} (${number})`,
      display: this.#screen.canvas,
      ratio: () => this.#screen.ratio,
      send,
      clipboard: this.#clipboard,
      isAway,
      platform: platform(),
      onchanged: () => this.#sendSize(),
      onvisibility: () => this.#visibilityChanged(),
      onopened: (canvas) => this.#opened(canvas),
      onclosed: (canvas) => this.#windowClosed(canvas),
    });
    this.#view = new ViewObserver(element, () => this.#screen.ratio, () => this.#sendSize());
    this.#listen();
  }

  get state() {
    return this.#connection.state;
  }

  /** The display's size in pixels. */
  get size() {
    return { width: this.#screen.width, height: this.#screen.height };
  }

  connect() {
    this.#connection.start();
  }

  /** Disconnects and takes everything out of the element; the session goes on on its host. */
  close() {
    this.#connection.stop();
  }

  /** Gives the application the keyboard. */
  focus() {
    this.#area.focus({ preventScroll: true });
  }

  /**
   * A chord that no keyboard needs to send: for keys that the browser keeps for itself.
   * @param {import("./input/sticky.js").Modifier[]} modifiers
   * @param {import("./input/sticky.js").PlainKey} key
   */
  press(modifiers, key) {
    for (const input of chordInputs(modifiers, key)) this.#input(input);
  }

  /** Holds a modifier for one key; then until it is let go; then lets it go. @param {import("./input/sticky.js").Modifier} modifier */
  cycleModifier(modifier) {
    for (const input of this.modifiers.cycle(modifier)) this.#sendInput(input);
    this.#tell("modifiers", {});
  }

  /** Whether `quality` is told each second. @param {boolean} on */
  watchQuality(on) {
    this.#quality.watch(on);
  }

  /** Another window, a monitor more; by a click. False if the browser does not open one. */
  openWindow() {
    const opened = this.#takesMonitors && this.#windows.open();
    this.#tellWindows();
    return opened;
  }

  /** The system's on-screen keyboard and the picture above it. */
  get handheld() {
    return this.#handheld;
  }

  #listen() {
    const { signal } = this.#listeners;
    this.#connection.addEventListener("state", (event) => this.#stateChanged(detailOf(event)), { signal });
    this.#connection.addEventListener("welcome", (event) => this.#welcomed(detailOf(event).welcome), { signal });
    this.#connection.addEventListener(
      "received",
      (event) => this.#received(detailOf(event).message, detailOf(event).receivedAt),
      { signal },
    );
    document.addEventListener("visibilitychange", () => this.#visibilityChanged(), { signal });
    addEventListener("online", () => this.#connection.hurry(), { signal });
    this.#area.addEventListener("blur", () => this.#pointer.released(), { signal });
  }

  /** @param {{state: string, code: string}} detail */
  #stateChanged(detail) {
    if (detail.state === "closed") this.#dismantle();
    this.#tell("state", detail);
  }

  #dismantle() {
    this.#listeners.abort();
    this.#windows.close();
    for (const part of [this.#view, this.#keyboard, this.#pointer, this.#handheld, this.#quality, this.#clipboard]) part.stop();
    for (const part of [this.#cursor, this.#screen, this.#area]) part.remove();
  }

  // --- to the worker

  /** @param {Input} input */
  #input(input) {
    // Meant for what is seen: before the first picture there may be no application yet.
    if (!this.#drawn) return;
    const applied = this.modifiers.apply(input);
    for (const each of applied) this.#sendInput(each);
    if (applied.length > 1 || input.message === "RELEASE_ALL") this.#tell("modifiers", {});
  }

  /** @param {Input} input */
  #sendInput(input) {
    const now = performance.now();
    const taken = this.#connection.input(input);
    this.#handheld.sent(input, now);
    if (this.#connection.state === "active") this.#quality.figures.sent(input, this.#connection.lastSequence, now);
    if (!taken && this.#connection.state === "reconnecting") this.#tell("notice", { code: "input_lost" });
  }

  #sendSize() {
    this.#screen.fit();
    const size = this.#view.size;
    if (size === null) return;
    const pixelRatioPercent = Math.round(size.pixelRatio * 100);
    const monitors = this.#windows.monitors({ ...size, left: screenX }, this.#limit);
    this.#showParts(monitors);
    if (monitors) this.#connection.send({ message: "MONITORS", pixelRatioPercent, monitors });
    else this.#connection.send({ message: "RESIZE", width: size.width, height: size.height, pixelRatioPercent });
  }

  /** @param {import("./protocol/messages.js").Monitor[] | null} monitors the page's own first */
  #showParts(monitors) {
    this.#screen.ondrawn = monitors && ((bounds) => this.#windows.draw(bounds));
    this.#screen.showPart(monitors && monitors[0]);
    if (monitors) this.#windows.show(monitors);
  }

  /** @param {HTMLCanvasElement} canvas of a further window */
  #opened(canvas) {
    this.#cursor.showOn(canvas);
    this.#clipboard.attend(/** @type {HTMLElement} */ (canvas.parentElement));
  }

  /** @param {HTMLCanvasElement} canvas */
  #windowClosed(canvas) {
    this.#cursor.leave(canvas);
    this.#tellWindows();
  }

  #tellWindows() {
    this.#tell("windows", { canOpen: this.#takesMonitors && this.#windows.canOpen });
  }

  /** @param {string} text */
  #sendClipboard(text) {
    this.#clipboardSent = text;
    this.#connection.send({ message: "CLIPBOARD_TEXT", serial: ++this.#clipboardSerial, text });
  }

  #visibilityChanged() {
    const isOwnVisible = document.visibilityState === "visible";
    const visible = isOwnVisible || this.#windows.areVisible;
    if (!isOwnVisible) this.#keyboard.releaseAll();
    if (!isOwnVisible) this.#handheld.left();
    this.#quality.setVisible(visible);
    this.#connection.send({ message: "VISIBILITY", visible });
    if (visible) this.#connection.hurry();
  }

  // --- from the worker

  /** @param {Welcome} welcome */
  #welcomed({ width, height, maximumWidth, maximumHeight, permissions }) {
    this.#quality.attached();
    this.#tell("covered", { reason: "" }); // the worker says so if it is
    this.#clipboard.takesText = (permissions & PERMIT.CLIPBOARD_IN) !== 0;
    this.#limit = { width: maximumWidth, height: maximumHeight };
    this.#screen.limitTo(this.#limit);
    this.#screen.forget();
    this.#screen.resize(width, height);
    this.#sendSize();
    if (document.visibilityState !== "visible") this.#visibilityChanged();
    // Input that is repeated after a loss may paste: what it is to paste goes ahead of it once more.
    if (this.#clipboardSent !== null && this.#connection.hasUnappliedInput) this.#sendClipboard(this.#clipboardSent);
  }

  /**
   * @param {Received} message
   * @param {number} receivedAt
   */
  #received(message, receivedAt) {
    if (message.message === "PICTURE") this.#show(message, receivedAt);
    else if (message.message === "RESIZED") this.#screen.resize(message.width, message.height);
    else if (message.message === "CURSOR") this.#cursor.add(message);
    else if (message.message === "CURSOR_USE") this.#cursor.use(message.serial);
    else if (message.message === "TITLE") this.#titled(message.title);
    else if (message.message === "NOTICE") this.#tell("message", { text: message.text });
    else if (message.message === "COVERED") this.#tell("covered", { reason: message.reason });
    else if (message.message === "CLIPBOARD_TEXT") this.#copied(message.text);
    else if (message.message === "FEATURES") this.#learn(message.features);
    else if (message.message === "QUALITY") this.#quality.told(message);
    else if (message.message === "PONG") this.#answered(message.id);
  }

  /**
   * @param {Picture} picture
   * @param {number} receivedAt
   */
  #show(picture, receivedAt) {
    const drawn = this.#screen.draw(picture);
    const drawnAfterUs = Math.max(0, Math.round((performance.timeOrigin + performance.now() - receivedAt) * 1000));
    this.#connection.acknowledge(picture.sequence, Math.min(drawnAfterUs, 2 ** 32 - 1));
    this.#quality.figures.drawn(picture.lastInput, drawnAfterUs / 1000, performance.now());
    this.#handheld.drawn(drawn, performance.now());
    this.#transport.recycle(picture.pixels);
    if (picture.incomplete || drawn.length < picture.parts.length) this.#askRefresh();
    if (!this.#drawn) this.#tell("drawn", {});
    this.#drawn = true;
  }

  /** @param {number} features */
  #learn(features) {
    this.#quality.learn(features);
    this.#takesMonitors = (features & FEATURE.MONITORS) !== 0;
    this.#tellWindows();
  }

  /** @param {string} title */
  #titled(title) {
    this.#windows.name(title);
    this.#tell("title", { title });
  }

  /** @param {number} id of the PING */
  #answered(id) {
    const { lastPing } = this.#connection;
    const now = performance.now();
    if (lastPing.id === id) this.#quality.figures.answered(now - lastPing.at, now);
  }

  /** Not for every picture: if the whole frame holds what this client cannot draw, asking again brings no more. */
  #askRefresh() {
    const now = performance.now();
    if (now - this.#refreshAskedAt < REFRESH_PAUSE_MS) return;
    this.#refreshAskedAt = now;
    this.#connection.send({ message: "REFRESH" });
  }

  /** @param {string} text */
  #copied(text) {
    this.#clipboardSent = null;
    this.#clipboard.arrived(text);
  }

  /**
   * @param {string} type
   * @param {object} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** @param {Event} event */
function detailOf(event) {
  return /** @type {CustomEvent} */ (event).detail;
}

function platform() {
  const name = navigator.platform.toLowerCase();
  const isAndroid = /android/i.test(navigator.userAgent);
  const isChromiumOnLinux = name.startsWith("linux") && !isAndroid && /Chrom(e|ium)\//.test(navigator.userAgent);
  return { isMac: name.startsWith("mac") || name.startsWith("ip"), isWindows: name.startsWith("win"), isAndroid, isChromiumOnLinux };
}
