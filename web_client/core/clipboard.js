/**
 * Plain text between the browser's clipboard and the application's.
 *
 * `ClipboardRule` decides, without a browser: which text is news to the other side. `BrowserClipboard` carries it out.
 * The newest copy wins: text that the application copied and the browser has not taken yet is never replaced by what the
 * browser held before.
 */

import { MAXIMUM_CLIPBOARD_BYTES } from "./protocol/messages.js";

/** An application answers a copy within a few frames; until then its own copy is the newest. */
const COPY_ANSWER_MS = 500;

export class ClipboardRule {
  /** What each side holds as far as is known. @type {string | null} */
  #browserText = null;
  /** @type {string | null} */
  #applicationText = null;
  /** Copied in the application, not yet in the browser. @type {string | null} */
  #pending = null;
  #copyingUntil = 0;

  get pending() {
    return this.#pending;
  }

  /**
   * The browser's clipboard was read. Returns the text to send to the application, if that is older.
   * @param {string} text
   * @param {number} now ms
   * @returns {string | null}
   */
  seenInBrowser(text, now) {
    const isNews = text !== this.#browserText && !(text === "" && this.#browserText === null);
    this.#browserText = text;
    if (now < this.#copyingUntil || (this.#pending !== null && !isNews)) return null;
    this.#pending = null;
    if (text === this.#applicationText || (text === "" && !isNews)) return null;
    this.#applicationText = text;
    return text;
  }

  /**
   * The application copied.
   * @param {string} text
   */
  arrived(text) {
    this.#copyingUntil = 0;
    this.#applicationText = text;
    this.#pending = text === this.#browserText ? null : text;
  }

  /** The browser took the pending text. @param {string} text */
  written(text) {
    this.#browserText = text;
    if (this.#pending === text) this.#pending = null;
  }

  /** A stroke that copies went to the application. @param {number} now ms */
  copying(now) {
    this.#copyingUntil = now + COPY_ANSWER_MS;
  }

  /** Whatever was copied elsewhere meanwhile is newer than any copy in the application. */
  left() {
    this.#copyingUntil = 0;
  }
}

export class BrowserClipboard {
  #rule = new ClipboardRule();
  #send;
  #refused;
  #window;
  #hasAsked = false;
  /** Copies that the application made so far. */
  #copies = 0;
  #listeners = new AbortController();
  takesText = false;

  /**
   * @param {HTMLElement} element
   * @param {object} parts
   * @param {(text: string) => void} parts.send
   * @param {(reason: string) => void} parts.refused
   * @param {() => Window} [parts.window] the one that has the focus, if one of the session's has
   */
  constructor(element, { send, refused, window = () => globalThis.window }) {
    this.#send = send;
    this.#refused = refused;
    this.#window = window;
    this.attend(element);
  }

  /** Focus and gestures of this element and its window. @param {HTMLElement} element */
  attend(element) {
    const { signal } = this.#listeners;
    const window = /** @type {Window} */ (element.ownerDocument.defaultView);
    window.addEventListener("focus", () => this.#focused(), { signal });
    window.addEventListener("blur", () => this.#rule.left(), { signal });
    element.addEventListener("keydown", () => this.#write(), { signal, capture: true });
    element.addEventListener("pointerdown", ({ button }) => this.#gesture(button), { signal, capture: true });
  }

  stop() {
    this.#listeners.abort();
  }

  copying() {
    this.#rule.copying(performance.now());
  }

  /** @param {string} text */
  pasted(text) {
    this.#seen(text);
  }

  /** Reads without asking: only where the user has allowed it for good. */
  async read(mayAsk = false) {
    if (!this.takesText) return;
    const permission = await readPermission();
    const asks = permission === "prompt" && mayAsk && !this.#hasAsked;
    if (permission !== "granted" && !asks) return;
    this.#hasAsked ||= asks;
    const copies = this.#copies;
    try {
      const text = await this.#window().navigator.clipboard.readText();
      // What was read before the application copied is older than that copy.
      if (copies === this.#copies) this.#seen(text);
    } catch {
      // The page lost the focus meanwhile, or the clipboard holds no text: nothing to pass on.
    }
  }

  /** @param {string} text */
  async arrived(text) {
    this.#copies++;
    this.#rule.arrived(text);
    await this.#write();
  }

  /** Reading comes first: what was copied elsewhere meanwhile is newer than a copy that waits here. */
  async #focused() {
    await this.read();
    await this.#write();
  }

  /**
   * Browsers that write only by a gesture get it here; and a press may be the way to the application's Paste. With the
   * secondary button it probably is: that is when the user understands why the browser asks, once, whether text may be
   * read.
   * @param {number} button
   */
  async #gesture(button) {
    await this.#write();
    await this.read(button === 2);
  }

  async #write() {
    const text = this.#rule.pending;
    const { document, navigator } = this.#window();
    if (text === null || !document.hasFocus() || !navigator.clipboard) return;
    try {
      await navigator.clipboard.writeText(text);
      this.#rule.written(text);
    } catch {
      // No focus or no gesture now: it stays pending and the next of either brings it here again.
    }
  }

  /** @param {string} raw */
  #seen(raw) {
    const text = raw.replaceAll("\r\n", "\n");
    const news = this.#rule.seenInBrowser(text, performance.now());
    if (news === null) return;
    if (new TextEncoder().encode(news).length > MAXIMUM_CLIPBOARD_BYTES) this.#refused("clipboard_too_large");
    else this.#send(news);
  }
}

async function readPermission() {
  try {
    const name = /** @type {PermissionName} */ ("clipboard-read");
    return (await navigator.permissions.query({ name })).state;
  } catch {
    // Firefox and Safari know no such permission: they ask at each read, so the paste event serves there.
    return "denied";
  }
}
