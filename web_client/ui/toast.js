/** Short notices in a corner: what was done, and how to undo it. They wait while they are looked at. */

import { h } from "./dom.js";

const SHOWN_MS = 8000;

export class Toasts {
  #undo;
  #close;
  /** @type {{element: HTMLElement, undo: (() => void) | null}[]} */
  #shown = [];
  element = h("div", { class: "toasts", role: "status", "aria-live": "polite" });

  /** @param {{undo: string, close: string}} labels */
  constructor({ undo, close }) {
    this.#undo = undo;
    this.#close = close;
  }

  /**
   * @param {string} text
   * @param {{undo?: () => void, bad?: boolean}} [options] `bad`: stays until it is closed
   */
  show(text, { undo, bad = false } = {}) {
    let timer = 0;
    const remove = () => {
      clearTimeout(timer);
      element.remove();
      this.#shown = this.#shown.filter((each) => each !== toast);
    };
    const wait = () => {
      clearTimeout(timer);
      if (!bad) timer = setTimeout(remove, SHOWN_MS);
    };
    const undone = undo ? () => {
      remove();
      undo();
    } : null;
    const element = h("div", {
      class: bad ? "toast bad" : "toast", mouseenter: () => clearTimeout(timer), mouseleave: wait, focusin: () => clearTimeout(timer), focusout: wait,
    }, h("span", {}, text),
    undone && h("button", { type: "button", class: "small quiet", click: undone }, this.#undo),
    h("button", { type: "button", class: "small quiet", "aria-label": this.#close, click: remove }, "×"));
    const toast = { element, undo: undone };
    this.#shown.push(toast);
    this.element.append(element);
    while (this.#shown.length > 4) this.#shown.shift()?.element.remove();
    wait();
    return remove;
  }

  /** Undoes what was done last, if that is still offered. */
  undoLast() {
    this.#shown.findLast(({ undo }) => undo !== null)?.undo?.();
  }
}
