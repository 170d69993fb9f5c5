/**
 * The session's toolbar. It hides itself: it comes when the pointer rests at the top edge or by Ctrl+Alt+Home, and goes
 * when pointer and focus have left it. Hidden, it covers no pixel of the application, but on touch screens, where
 * nothing can hover: there a small tab calls it.
 */

import { enterFullScreen, leaveFullScreen } from "../core/fullscreen.js";
import { h } from "../ui/dom.js";
import { keepFocus } from "../ui/keep_focus.js";
import { t } from "./strings.js";

/** Long enough to pass by on the way to a menu, short enough not to be waited for. */
const REST_MS = 180;
const LEAVE_MS = 500;
const EDGE_PX = 2;

/** @param {{code: string, ctrlKey: boolean, altKey: boolean, shiftKey: boolean}} event */
export function isToolbarShortcut({ code, ctrlKey, altKey, shiftKey }) {
  return code === "Home" && ctrlKey && altKey && !shiftKey;
}

export class Toolbar {
  #view;
  #timer = 0;
  #isLeaving = false;
  #listeners = new AbortController();
  #actions;
  #full = h("button", { type: "button", click: () => this.#toggleFullScreen() });
  #keys = keepFocus(
    h("button", { type: "button", "aria-expanded": "false", click: () => this.#showKeys(!this.#actions.keys.isOpen) }, t("toolbar.keymenu")));
  /** Shown by the style sheet, on touch screens only. */
  #keyboard = h("button", { type: "button", class: "touch-only", "aria-pressed": "false", click: () => this.#callKeyboard() }, t("toolbar.keyboard"));
  #quality = keepFocus(h("button", { type: "button", "aria-pressed": "false", click: () => this.#actions.quality() }, t("toolbar.quality")));
  #zoom = h("button", { type: "button", hidden: true, click: () => this.#actions.resetZoom() });
  #window = h("button", { type: "button", hidden: true, click: () => this.#actions.newWindow() }, t("toolbar.newwindow"));
  /** Shown by the style sheet, on touch screens only. */
  tab = h("button", { type: "button", class: "toolbar-tab", "aria-label": t("toolbar.show"), click: () => this.show(true) });

  /**
   * @param {HTMLElement} view the session's view, which goes full screen
   * @param {object} actions
   * @param {string} actions.name
   * @param {() => void} actions.disconnect
   * @param {() => void} actions.logOff
   * @param {() => void} actions.leave gives the keyboard back to the application
   * @param {import("./keys_panel.js").KeysPanel} actions.keys its menu of keys
   * @param {() => void} actions.quality shows or hides the quality display
   * @param {() => void} actions.keyboard calls or hides the system's on-screen keyboard
   * @param {() => void} actions.resetZoom
   * @param {() => void} actions.newWindow another window of the session: another monitor
   * @param {(isLocked: boolean) => void} actions.fullScreen was entered; whether the system's keys go to the application
   */
  constructor(view, actions) {
    this.#view = view;
    this.#actions = actions;
    const row = h("div", { class: "row", role: "toolbar", "aria-label": t("toolbar.label") },
      h("span", { class: "name" }, actions.name),
      document.fullscreenEnabled && this.#full,
      this.#zoom, this.#keyboard, this.#keys, this.#quality, this.#window,
      h("button", { type: "button", click: actions.disconnect }, t("toolbar.disconnect")),
      h("button", { type: "button", class: "danger", click: actions.logOff }, t("toolbar.logoff")));
    this.#keys.setAttribute("aria-controls", actions.keys.element.id);
    this.element = h("div", { class: "toolbar", keydown: (/** @type {KeyboardEvent} */ event) => this.#key(event) },
      row, actions.keys.element);
    this.#labelFullScreen();
    this.#listen();
  }

  /** @param {boolean} [takeFocus] */
  show(takeFocus = false) {
    clearTimeout(this.#timer);
    this.#isLeaving = false;
    this.element.classList.add("shown");
    if (takeFocus) this.#buttons()[0]?.focus();
  }

  hide() {
    clearTimeout(this.#timer);
    this.#isLeaving = false;
    this.element.classList.remove("shown");
    this.#showKeys(false);
  }

  /** @param {boolean} shown */
  setQuality(shown) {
    this.#quality.setAttribute("aria-pressed", String(shown));
  }

  /** @param {boolean} shown */
  setKeyboard(shown) {
    this.#keyboard.setAttribute("aria-pressed", String(shown));
  }

  /** @param {number} scale of the picture */
  setZoom(scale) {
    this.#zoom.hidden = scale === 1;
    this.#zoom.textContent = t("toolbar.zoom", { percent: Math.round(scale * 100) });
  }

  /** @param {boolean} canOpen */
  offerWindow(canOpen) {
    this.#window.hidden = !canOpen;
  }

  /** Takes it off the view. */
  remove() {
    this.hide();
    this.element.remove();
    this.tab.remove();
  }

  stop() {
    this.#listeners.abort();
    clearTimeout(this.#timer);
    leaveFullScreen();
  }

  #listen() {
    const { signal } = this.#listeners;
    const options = { signal, capture: true };
    this.#view.addEventListener("pointermove", (event) => this.#moved(event), options);
    this.#view.addEventListener("pointerdown", (event) => this.#pressed(event), options);
    for (const type of ["pointerenter", "focusin"]) this.element.addEventListener(type, () => this.show(), { signal });
    for (const type of ["pointerleave", "focusout"]) this.element.addEventListener(type, () => this.#hideSoon(), { signal });
    document.addEventListener("fullscreenchange", () => this.#labelFullScreen(), { signal });
  }

  /** @param {PointerEvent} event */
  #moved({ clientY, buttons, pointerType, target }) {
    if (pointerType === "touch") return;
    const isOver = this.element.contains(/** @type {Node} */ (target));
    if (this.#isShown() && !isOver && !this.#isLeaving) return this.#hideSoon();
    if (this.#isShown()) return;
    clearTimeout(this.#timer);
    // A button held means that something of the application is being dragged along the edge.
    if (clientY <= EDGE_PX && buttons === 0) this.#timer = setTimeout(() => this.show(), REST_MS);
  }

  /** @param {PointerEvent} event */
  #pressed({ target }) {
    const pressed = /** @type {Node} */ (target);
    // The menu of keys stays: what is held in it may be for this very press.
    if (!this.element.contains(pressed) && pressed !== this.tab && !this.#actions.keys.isOpen) this.hide();
  }

  #hideSoon() {
    clearTimeout(this.#timer);
    this.#isLeaving = true;
    this.#timer = setTimeout(() => {
      this.#isLeaving = false;
      const isUsed = this.element.matches(":hover") || this.element.contains(document.activeElement);
      if (!isUsed && !this.#actions.keys.isOpen) this.hide();
    }, LEAVE_MS);
  }

  #isShown() {
    return this.element.classList.contains("shown");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const buttons = this.#buttons();
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step) buttons[(at + step + buttons.length) % buttons.length].focus();
    else if (event.key === "Escape" || isToolbarShortcut(event)) this.#giveBack();
    else return;
    event.preventDefault();
  }

  /** Those that can be pressed now. */
  #buttons() {
    return Array.from(this.element.querySelectorAll("button")).filter((button) => button.checkVisibility());
  }

  #giveBack() {
    this.hide();
    this.#actions.leave();
  }

  /** @param {boolean} open */
  #showKeys(open) {
    if (open !== this.#actions.keys.isOpen) this.#actions.keys.show(open);
    this.#keys.setAttribute("aria-expanded", String(open));
  }

  /** It covers what little of a phone's screen the keyboard leaves. */
  #callKeyboard() {
    this.hide();
    this.#actions.keyboard();
  }

  async #toggleFullScreen() {
    if (document.fullscreenElement) await leaveFullScreen();
    else await this.#enterFullScreen();
    this.#giveBack();
  }

  async #enterFullScreen() {
    try {
      this.#actions.fullScreen(await enterFullScreen(this.#view));
    } catch {
      // Refused by the browser or its owner, which says so itself.
    }
  }

  #labelFullScreen() {
    this.#full.textContent = document.fullscreenElement ? t("toolbar.window") : t("toolbar.fullscreen");
  }
}
