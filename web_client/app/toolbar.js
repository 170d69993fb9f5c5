/**
 * The session's toolbar. It hides itself: it comes when the pointer rests at the top edge or by Ctrl+Alt+Home, and goes
 * when pointer and focus have left it. Hidden, it covers no pixel of the application, but on touch screens, where
 * nothing can hover: there a small tab calls it.
 */

import { enterFullScreen, leaveFullScreen } from "../core/fullscreen.js";
import { h } from "../ui/dom.js";
import { t } from "./strings.js";

/** Long enough to pass by on the way to a menu, short enough not to be waited for. */
const REST_MS = 180;
const LEAVE_MS = 500;
const EDGE_PX = 2;

/** @param {{code: string, ctrlKey: boolean, altKey: boolean}} event */
export function isToolbarShortcut({ code, ctrlKey, altKey }) {
  return code === "Home" && ctrlKey && altKey;
}

export class Toolbar {
  #view;
  #timer = 0;
  #isLeaving = false;
  #listeners = new AbortController();
  #full = h("button", { type: "button", click: () => this.#toggleFullScreen() });
  #leave;
  /** Shown by the style sheet, on touch screens only. */
  tab = h("button", { type: "button", class: "toolbar-tab", "aria-label": t("toolbar.show"), click: () => this.show(true) });

  /**
   * @param {HTMLElement} view the session's view, which goes full screen
   * @param {object} actions
   * @param {string} actions.name
   * @param {() => void} actions.disconnect
   * @param {() => void} actions.logOff
   * @param {() => void} actions.leave gives the keyboard back to the application
   */
  constructor(view, { name, disconnect, logOff, leave }) {
    this.#view = view;
    this.#leave = leave;
    const attributes = { class: "toolbar", role: "toolbar", "aria-label": t("toolbar.label") };
    this.element = h("div", { ...attributes, keydown: (/** @type {KeyboardEvent} */ event) => this.#key(event) },
      h("span", { class: "name" }, name),
      document.fullscreenEnabled && this.#full,
      h("button", { type: "button", click: disconnect }, t("toolbar.disconnect")),
      h("button", { type: "button", class: "danger", click: logOff }, t("toolbar.logoff")));
    this.#labelFullScreen();
    this.#listen();
  }

  /** @param {boolean} [takeFocus] */
  show(takeFocus = false) {
    clearTimeout(this.#timer);
    this.#isLeaving = false;
    this.element.classList.add("shown");
    if (takeFocus) this.element.querySelector("button")?.focus();
  }

  hide() {
    clearTimeout(this.#timer);
    this.#isLeaving = false;
    this.element.classList.remove("shown");
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
    if (!this.element.contains(pressed) && pressed !== this.tab) this.hide();
  }

  #hideSoon() {
    clearTimeout(this.#timer);
    this.#isLeaving = true;
    this.#timer = setTimeout(() => {
      this.#isLeaving = false;
      if (!this.element.matches(":hover") && !this.element.contains(document.activeElement)) this.hide();
    }, LEAVE_MS);
  }

  #isShown() {
    return this.element.classList.contains("shown");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const buttons = Array.from(this.element.querySelectorAll("button"));
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step) buttons[(at + step + buttons.length) % buttons.length].focus();
    else if (event.key === "Escape" || isToolbarShortcut(event)) this.#giveBack();
    else return;
    event.preventDefault();
  }

  #giveBack() {
    this.hide();
    this.#leave();
  }

  async #toggleFullScreen() {
    if (document.fullscreenElement) await leaveFullScreen();
    else await enterFullScreen(this.#view).catch(() => {});
    this.#giveBack();
  }

  #labelFullScreen() {
    this.#full.textContent = document.fullscreenElement ? t("toolbar.window") : t("toolbar.fullscreen");
  }
}
