/**
 * What lies over a session while it is used: the toolbar with its menu of keys, the quality display, and on phones the keys
 * above the system's keyboard. It knows the session by its public face only.
 */

import { h } from "../ui/dom.js";
import { ExtraKeys } from "./extra_keys.js";
import { KeysPanel } from "./keys_panel.js";
import { QualityPanel, isQualityShortcut } from "./quality_panel.js";
import { t } from "./strings.js";
import { Toolbar, isToolbarShortcut } from "./toolbar.js";
import { VisibleArea } from "./visible_area.js";

/** @typedef {import("../core/session.js").Session} Session */

const PASSING_MS = 7000;

export class SessionTools {
  #view;
  /** @type {Session | null} */
  #session = null;
  #keys = new KeysPanel(() => this.#session);
  #extraKeys = new ExtraKeys(() => this.#session, () => this.#showKeyboard(false), () => this.#cover());
  #area;
  #toolbar;
  #quality;
  #wasCovered = false;
  /** @type {HTMLElement | null} */
  #hint = null;

  /**
   * @param {HTMLElement} view the session's view, which goes full screen
   * @param {object} parts
   * @param {string} parts.name of the application
   * @param {() => string} parts.reference of its launch
   * @param {() => void} parts.disconnect
   * @param {() => void} parts.logOff
   */
  constructor(view, { name, reference, disconnect, logOff }) {
    this.#view = view;
    const leave = () => this.#session?.focus();
    this.#quality = new QualityPanel({
      name, reference, leave,
      size: () => this.#session?.size ?? { width: 0, height: 0 },
      close: () => this.#showQuality(false),
    });
    this.#toolbar = new Toolbar(view, {
      name, disconnect, logOff, leave,
      keys: this.#keys,
      quality: () => this.#showQuality(!this.#quality.isOpen),
      keyboard: () => this.#showKeyboard(!this.#session?.handheld.keyboard.isShown),
      resetZoom: () => this.#session?.handheld.resetZoom(),
      newWindow: () => this.#openWindow(),
      fullScreen: (isLocked) => this.#sayPassing(t(isLocked ? "fullscreen.locked" : "fullscreen.plain")),
    });
    this.#area = new VisibleArea(view, () => this.#cover());
  }

  /**
   * @param {Session} session
   * @param {AbortSignal} signal
   */
  use(session, signal) {
    this.#session = session;
    const listen = (/** @type {string} */ type, /** @type {(detail: any) => void} */ act) =>
      session.addEventListener(type, (event) => act(/** @type {CustomEvent} */ (event).detail), { signal });
    listen("quality", (view) => this.#quality.update(view));
    listen("modifiers", () => this.#refreshKeys());
    listen("keyboard", ({ shown }) => this.#keyboardShown(shown));
    listen("zoom", ({ scale }) => this.#toolbar.setZoom(scale));
    listen("windows", ({ canOpen }) => this.#toolbar.offerWindow(canOpen));
    session.watchQuality(this.#quality.isOpen);
    this.#beginAnew();
  }

  /** A session that is opened again has no keyboard called, nothing enlarged, no further window. */
  #beginAnew() {
    this.#keyboardShown(false);
    this.#toolbar.setZoom(1);
    this.#toolbar.offerWindow(false);
  }

  /** They come into the view, hidden until they are called. */
  place() {
    this.#view.append(this.#toolbar.tab, this.#toolbar.element, this.#quality.element, this.#extraKeys.element);
  }

  /** Takes the toolbar off the view, and what it shows. */
  remove() {
    this.#toolbar.remove();
    this.#showQuality(false);
    for (const element of [this.#quality.element, this.#extraKeys.element, this.#hint]) element?.remove();
  }

  stop() {
    this.#area.stop();
    this.#toolbar.stop();
  }

  /** True if the stroke is one of the page's own. @param {KeyboardEvent} event */
  reserved(event) {
    if (event.type !== "keydown") return false;
    if (isQualityShortcut(event)) this.#showQuality(!this.#quality.isOpen);
    else if (isToolbarShortcut(event)) this.#toolbar.show(true);
    else return false;
    return true;
  }

  // --- quality

  /** @param {boolean} open */
  #showQuality(open) {
    this.#quality.show(open);
    this.#toolbar.setQuality(open);
    this.#session?.watchQuality(open);
  }

  // --- keys

  #refreshKeys() {
    this.#keys.refresh();
    this.#extraKeys.refresh();
  }

  /** @param {boolean} shown */
  #showKeyboard(shown) {
    this.#session?.handheld.keyboard.show(shown);
  }

  /** @param {boolean} shown */
  #keyboardShown(shown) {
    this.#extraKeys.show(shown);
    this.#toolbar.setKeyboard(shown);
    this.#wasCovered = false;
    this.#cover();
  }

  /** The system's keyboard came, went or changed: what belongs above it goes there, and the picture makes room. */
  #cover() {
    const keyboard = this.#session?.handheld.keyboard;
    const { top, bottom } = keyboard?.isShown ? this.#area.covered : { top: 0, bottom: 0 };
    this.#view.style.setProperty("--covered-top", `${top}px`);
    this.#view.style.setProperty("--covered-bottom", `${bottom}px`);
    const isCovered = top + bottom > 0;
    // Put away by the system's own button: the next press is not to bring it back.
    if (this.#wasCovered && !isCovered) keyboard?.gone();
    this.#wasCovered = isCovered;
    this.#session?.handheld.cover({ top, bottom: bottom + this.#extraKeys.element.offsetHeight });
  }

  // --- windows

  #openWindow() {
    if (!this.#session?.openWindow()) this.#sayPassing(t("toolbar.newwindow.blocked"));
  }

  /** Said once, in passing: it goes by itself. @param {string} text */
  #sayPassing(text) {
    this.#hint?.remove();
    const hint = h("p", { role: "status", class: "notice floating passing" }, text);
    this.#hint = hint;
    this.#view.append(hint);
    setTimeout(() => hint.remove(), PASSING_MS);
  }
}
