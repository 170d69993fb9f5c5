/**
 * The keyboard: an invisible text area takes the strokes, so that input methods and dead keys compose in it.
 *
 * A stroke goes on as KEY and is kept from the browser; composed text goes on as TEXT; a stroke that pastes waits until
 * the browser's clipboard is known to have gone first. What stays with the browser: keymap.js, BROWSER_KEYS.
 */

import { MODIFIER } from "../protocol/messages.js";
import { ComposedText } from "./composed_text.js";
import {
  isBrowserKey, isCommandChord, isCopy, isDead, isModifierKey, isOptionText, isPaste, isText, keyMessage, textPieces,
} from "./keymap.js";

/** @typedef {import("../protocol/messages.js").Input} Input */
/**
 * @typedef {object} Clipboard what the keyboard needs of it
 * @property {boolean} takesText whether text from the browser may go to the application
 * @property {(text: string) => void} pasted the paste event that belongs to a stroke
 * @property {() => Promise<void>} read when no paste event came
 * @property {() => void} copying a stroke that copies went to the application
 */
/** @typedef {{isMac?: boolean, isWindows?: boolean, isAndroid?: boolean, isChromiumOnLinux?: boolean}} Platform */

/** A paste event follows its stroke at once; without one (nothing to paste, or a browser that fires none) it goes on. */
const PASTE_EVENT_MS = 60;
/** Windows sends AltGr as Control and, within the same instant, Alt. */
const ALT_GRAPH_MS = 10;
/**
 * Chromium fires keypress right behind its keydown, on a crowded machine a tenth of a second later. Without one, which
 * has not been seen, the stroke goes on as it is with whatever comes next, or after this.
 */
const KEYPRESS_MS = 500;

export class Keyboard {
  #area;
  #send;
  #clipboard;
  #reserved;
  #areKeysLent;
  #isAway;
  #platform;
  /** Strokes that went down to the application, by code: what it holds. @type {Map<string, Input>} */
  #down = new Map();
  /** Input that waits behind a stroke that pastes. @type {Input[] | null} */
  #waiting = null;
  #pasteTimer = 0;
  /** A Control that may turn out to be half of AltGr. @type {{input: Input, timer: number} | null} */
  #control = null;
  /** A dead key waits for its letter, in a browser that composes the two without telling. */
  #isDead = false;
  /** A stroke whose text is told by the keypress behind it. @type {{input: import("../protocol/messages.js").Key, timer: number} | null} */
  #untold = null;
  #text;
  #listeners = new AbortController();

  /**
   * @param {HTMLTextAreaElement} area
   * @param {object} parts
   * @param {(input: Input) => void} parts.send
   * @param {Clipboard} parts.clipboard
   * @param {(event: KeyboardEvent) => boolean} [parts.reserved] strokes that the page keeps for itself
   * @param {() => boolean} [parts.areKeysLent] whether the browser keeps no key for itself just now
   * @param {() => boolean} [parts.isAway] whether the application is out of reach just now: what is sent arrives later
   * @param {Platform} [parts.platform]
   */
  constructor(area, { send, clipboard, reserved = () => false, areKeysLent = () => false, isAway = () => false, platform = {} }) {
    this.#area = area;
    this.#send = send;
    this.#clipboard = clipboard;
    this.#reserved = reserved;
    this.#areKeysLent = areKeysLent;
    this.#isAway = isAway;
    this.#platform = platform;
    this.#listen("keydown", (event) => this.#keydown(/** @type {KeyboardEvent} */ (event)));
    this.#listen("keypress", (event) => this.#keypress(/** @type {KeyboardEvent} */ (event)));
    this.#listen("keyup", (event) => this.#keyup(/** @type {KeyboardEvent} */ (event)));
    this.#listen("paste", (event) => this.#pasteEvent(/** @type {ClipboardEvent} */ (event)));
    this.#listen("blur", () => this.#left());
    this.#text = new ComposedText(area, {
      type: (text) => this.#composed(text),
      tap: (key) => this.#tap(key),
      isAndroid: platform.isAndroid ?? false,
      signal: this.#listeners.signal,
    });
  }

  /** Nothing stays pressed in the application when the keyboard turns elsewhere. */
  releaseAll() {
    clearTimeout(this.#control?.timer);
    this.#control = null;
    this.#goOn();
    this.#flush();
    this.#down.clear();
    this.#send({ message: "RELEASE_ALL" });
  }

  #left() {
    this.#isDead = false;
    this.#text.reset();
    this.releaseAll();
  }

  stop() {
    this.#listeners.abort();
    for (const timer of [this.#pasteTimer, this.#control?.timer, this.#untold?.timer]) clearTimeout(timer);
    this.#text.stop();
  }

  /**
   * @param {string} type
   * @param {(event: Event) => void} handle
   */
  #listen(type, handle) {
    this.#area.addEventListener(type, handle, { signal: this.#listeners.signal });
  }

  /** @param {KeyboardEvent} event */
  #keydown(event) {
    this.#goOn();
    if (this.#reserved(event)) return event.preventDefault();
    const areLent = this.#areKeysLent();
    if (isBrowserKey(event, areLent) || this.#isComposed(event)) return;
    if (event.repeat && this.#isHeldForNothing(event, areLent)) return event.preventDefault();
    if (this.#holdControl(event)) return event.preventDefault();
    if (this.#platform.isChromiumOnLinux && isText(event)) return this.#awaitText(event);
    if (isCopy(event)) this.#clipboard.copying();
    if (isPaste(event) && this.#clipboard.takesText && !event.repeat) this.#awaitPaste();
    else event.preventDefault();
    this.#press(event);
  }

  /** @param {KeyboardEvent} event */
  #keyup(event) {
    this.#goOn();
    if (this.#control && event.code === "ControlLeft") this.#flushControl();
    const name = event.code || event.key;
    if (this.#down.delete(name)) {
      event.preventDefault();
      this.#emit(keyMessage(event, false));
    }
    // macOS reports no keyup of a key that was released while Command was held, wherever Command went down.
    if (event.key === "Meta" && this.#platform.isMac && this.#down.size) this.releaseAll();
  }

  /**
   * Whether nobody sees what a held key repeats (how much Backspace has erased already), or it is held for the browser:
   * Escape, to leave full screen, is not to close one thing of the application after the other.
   * @param {KeyboardEvent} event
   * @param {boolean} areLent
   */
  #isHeldForNothing({ key }, areLent) {
    return this.#isAway() || (areLent && key === "Escape");
  }

  /**
   * Whether the browser makes a text of the stroke, which then comes into the text area.
   * @param {KeyboardEvent} event
   */
  #isComposed(event) {
    const { key } = event;
    if (this.#text.takes(event)) return true;
    if (isDead(event)) return (this.#isDead = true);
    if (isModifierKey(event)) return false;
    const wasDead = this.#isDead;
    this.#isDead = false;
    // Firefox on Linux, and Windows, call the letter after a dead key by its own name, and give the text of both.
    return isText(event) && ((wasDead && !this.#platform.isChromiumOnLinux) || Array.from(key).length > 1);
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (this.#platform.isMac && isCommandChord(event)) return this.#pressWithControl(event);
    const input = keyMessage(event, true);
    this.#down.set(event.code || event.key, input);
    // Option alone is no Alt yet: the flags of the key that follows say so, unless that is a text.
    if (this.#platform.isMac && event.key === "Alt") return;
    if (this.#platform.isMac && isOptionText(event))
      input.modifiers = (input.modifiers & ~MODIFIER.ALT) | MODIFIER.ALT_GRAPH;
    this.#emit(input);
  }

  /** @param {KeyboardEvent} event */
  #pressWithControl(event) {
    const modifiers = { getModifierState: () => false, shiftKey: event.shiftKey, ctrlKey: true, altKey: false, metaKey: false };
    const stroke = { ...modifiers, key: event.key, code: event.code };
    const control = { ...modifiers, key: "Control", code: "ControlLeft" };
    this.#emit({ message: "RELEASE_ALL" });
    this.#emit(keyMessage(control, true));
    this.#emit(keyMessage(stroke, true));
    this.#emit(keyMessage(stroke, false));
    this.#emit(keyMessage({ ...control, ctrlKey: false }, false));
  }

  // --- Text that comes behind its stroke

  /**
   * Chromium on Linux names a key without what Compose made of it and, for letters of their own key, without CapsLock
   * (ù on `fr`). The keypress has the text; keys that Compose takes are not told at all.
   * @param {KeyboardEvent} event
   */
  #awaitText(event) {
    const input = keyMessage(event, true);
    this.#down.set(event.code || event.key, input);
    this.#untold = { input, timer: setTimeout(() => this.#goOn(), KEYPRESS_MS) };
  }

  /** @param {KeyboardEvent} event */
  #keypress(event) {
    if (!this.#platform.isChromiumOnLinux || !this.#down.has(event.code)) return;
    // It is not to come into the text area as well, however late.
    event.preventDefault();
    if (this.#untold) this.#untold.input.text = event.key;
    this.#goOn();
  }

  /** What was awaited has come, or does not come. */
  #goOn() {
    const untold = this.#untold;
    this.#untold = null;
    clearTimeout(untold?.timer);
    if (untold) this.#emit(untold.input);
  }

  /** The stroke that is awaited made more than a character. @param {string} text */
  #composed(text) {
    if (this.#untold) this.#down.delete(this.#untold.input.code || this.#untold.input.text);
    clearTimeout(this.#untold?.timer);
    this.#untold = null;
    this.#type(text);
  }

  // --- AltGr on Windows

  /**
   * True if the stroke is kept back, or is dropped as half of an AltGr.
   * @param {KeyboardEvent} event
   */
  #holdControl(event) {
    if (this.#control && event.key === "AltGraph") {
      clearTimeout(this.#control.timer);
      this.#control = null;
    }
    this.#flushControl();
    if (!this.#platform.isWindows || event.code !== "ControlLeft" || event.repeat) return false;
    const timer = setTimeout(() => this.#flushControl(), ALT_GRAPH_MS);
    this.#control = { input: keyMessage(event, true), timer };
    return true;
  }

  #flushControl() {
    if (!this.#control) return;
    const { input, timer } = this.#control;
    clearTimeout(timer);
    this.#control = null;
    this.#down.set("ControlLeft", input);
    this.#emit(input);
  }

  // --- text that no stroke carries

  /** @param {string} text */
  #type(text) {
    for (const piece of textPieces(text)) this.#emit({ message: "TEXT", text: piece });
  }

  /** @param {string} key */
  #tap(key) {
    for (const down of [true, false]) this.#emit({ message: "KEY", down, modifiers: 0, locks: 0, code: key, text: key });
  }

  // --- paste

  /** Holds back what is typed from here on, the stroke itself included, until the clipboard went ahead of it. */
  #awaitPaste() {
    this.#flush();
    /** @type {Input[]} */
    const waiting = (this.#waiting = []);
    this.#pasteTimer = setTimeout(async () => {
      await this.#clipboard.read();
      // Meanwhile another paste may have begun to hold back.
      if (this.#waiting === waiting) this.#flush();
    }, PASTE_EVENT_MS);
  }

  /** @param {ClipboardEvent} event */
  #pasteEvent(event) {
    event.preventDefault();
    this.#clipboard.pasted(event.clipboardData?.getData("text/plain") ?? "");
    this.#flush();
  }

  /** @param {Input} input */
  #emit(input) {
    if (this.#waiting) this.#waiting.push(input);
    else this.#send(input);
  }

  #flush() {
    clearTimeout(this.#pasteTimer);
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const input of waiting) this.#send(input);
  }
}
