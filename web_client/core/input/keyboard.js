/**
 * The keyboard: an invisible text area takes the strokes, so that input methods and dead keys compose in it.
 *
 * A stroke goes on as KEY and is kept from the browser; composed text goes on as TEXT; a stroke that pastes waits until
 * the browser's clipboard is known to have gone first. What stays with the browser: keymap.js, BROWSER_KEYS.
 */

import { isBrowserKey, isCommandChord, isCopy, isPaste, keyMessage, textPieces } from "./keymap.js";

/** @typedef {import("../protocol/messages.js").Input} Input */
/**
 * @typedef {object} Clipboard what the keyboard needs of it
 * @property {boolean} takesText whether text from the browser may go to the application
 * @property {(text: string) => void} pasted the paste event that belongs to a stroke
 * @property {() => Promise<void>} read when no paste event came
 * @property {() => void} copying a stroke that copies went to the application
 */
/** @typedef {{isMac?: boolean, isWindows?: boolean}} Platform */

/** A paste event follows its stroke at once; without one (nothing to paste, or a browser that fires none) it goes on. */
const PASTE_EVENT_MS = 60;
/** Windows sends AltGr as Control and, within the same instant, Alt. */
const ALT_GRAPH_MS = 10;

export class Keyboard {
  #area;
  #send;
  #clipboard;
  #reserved;
  #platform;
  /** Strokes that went down to the application, by code: what it holds. @type {Map<string, Input>} */
  #down = new Map();
  /** Input that waits behind a stroke that pastes. @type {Input[] | null} */
  #waiting = null;
  #pasteTimer = 0;
  /** A Control that may turn out to be half of AltGr. @type {{input: Input, timer: number} | null} */
  #control = null;
  #listeners = new AbortController();

  /**
   * @param {HTMLTextAreaElement} area
   * @param {object} parts
   * @param {(input: Input) => void} parts.send
   * @param {Clipboard} parts.clipboard
   * @param {(event: KeyboardEvent) => boolean} [parts.reserved] strokes that the page keeps for itself
   * @param {Platform} [parts.platform]
   */
  constructor(area, { send, clipboard, reserved = () => false, platform = {} }) {
    this.#area = area;
    this.#send = send;
    this.#clipboard = clipboard;
    this.#reserved = reserved;
    this.#platform = platform;
    this.#listen("keydown", (event) => this.#keydown(/** @type {KeyboardEvent} */ (event)));
    this.#listen("keyup", (event) => this.#keyup(/** @type {KeyboardEvent} */ (event)));
    this.#listen("input", (event) => this.#typed(/** @type {InputEvent} */ (event)));
    this.#listen("compositionend", (event) => this.#commit(/** @type {CompositionEvent} */ (event).data));
    this.#listen("paste", (event) => this.#pasteEvent(/** @type {ClipboardEvent} */ (event)));
    this.#listen("blur", () => this.releaseAll());
  }

  /** Nothing stays pressed in the application when the keyboard turns elsewhere. */
  releaseAll() {
    this.#flush();
    this.#down.clear();
    this.#send({ message: "RELEASE_ALL" });
  }

  stop() {
    this.#listeners.abort();
    clearTimeout(this.#pasteTimer);
    clearTimeout(this.#control?.timer);
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
    if (this.#reserved(event)) return event.preventDefault();
    // An input method, or a dead key that the browser composes: the text comes as a commit.
    if (event.isComposing || event.keyCode === 229 || event.key === "Process" || event.key === "Dead") return;
    if (isBrowserKey(event)) return;
    if (this.#holdControl(event)) return event.preventDefault();
    if (isCopy(event)) this.#clipboard.copying();
    if (isPaste(event) && this.#clipboard.takesText && !event.repeat) this.#awaitPaste();
    else event.preventDefault();
    this.#press(event);
  }

  /** @param {KeyboardEvent} event */
  #keyup(event) {
    if (this.#control && event.code === "ControlLeft") this.#flushControl();
    if (!this.#down.has(event.code || event.key)) return;
    event.preventDefault();
    this.#down.delete(event.code || event.key);
    this.#emit(keyMessage(event, false));
    // macOS reports no keyup of a key that was released while Command was held.
    if (event.key === "Meta" && this.#platform.isMac && this.#down.size) this.releaseAll();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (this.#platform.isMac && isCommandChord(event)) return this.#pressWithControl(event);
    const input = keyMessage(event, true);
    this.#down.set(event.code || event.key, input);
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

  /** Text without a stroke: on-screen keyboards, emoji pickers, dictation. @param {InputEvent} event */
  #typed(event) {
    if (event.isComposing) return;
    if (event.inputType === "deleteContentBackward") this.#tap("Backspace");
    else if (event.inputType === "insertLineBreak") this.#tap("Enter");
    else if (event.inputType === "insertText" && event.data) this.#text(event.data);
    this.#area.value = "";
  }

  /** @param {string} data */
  #commit(data) {
    if (data) this.#text(data);
    this.#area.value = "";
  }

  /** @param {string} text */
  #text(text) {
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
    this.#waiting = [];
    this.#pasteTimer = setTimeout(async () => {
      await this.#clipboard.read();
      this.#flush();
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
