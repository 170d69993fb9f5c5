/** What stands where rows would be: that there are none, that none fit, that they could not be read. */

import { h } from "./dom.js";

export class TableMessage {
  #parts;
  #state = "";
  element = h("div", { class: "table-message", hidden: true });

  /**
   * @param {object} parts
   * @param {(key: string) => string} parts.texts
   * @param {() => Node} parts.empty where there is nothing at all
   * @param {(error: unknown) => string} parts.failed
   * @param {() => void} parts.refresh
   * @param {() => void} parts.clear search and filters
   */
  constructor(parts) {
    this.#parts = parts;
  }

  get isShown() {
    return this.#state !== "";
  }

  /** @param {{error: unknown, total: number, isNarrowed: boolean}} list total: -1 before the first answer */
  show({ error, total, isNarrowed }) {
    const state = error !== null ? `error ${this.#parts.failed(error)}` : total === 0 ? `empty ${isNarrowed}` : "";
    this.element.classList.toggle("beside", total > 0);
    if (this.#state === state) return;
    this.#state = state;
    this.element.hidden = state === "";
    this.element.replaceChildren(...(state === "" ? [] : error !== null ? this.#failed(error) : [isNarrowed ? this.#noMatch() : this.#parts.empty()]));
  }

  /** @param {unknown} error */
  #failed(error) {
    const { failed, refresh, texts } = this.#parts;
    return [h("p", { role: "alert", class: "alert" }, failed(error)), h("button", { type: "button", click: refresh }, texts("table.retry"))];
  }

  #noMatch() {
    const { texts, clear } = this.#parts;
    return h("div", {}, h("p", {}, texts("table.nomatch")), h("button", { type: "button", click: clear }, texts("table.clear")));
  }
}
