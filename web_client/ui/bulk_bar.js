/** The bar that shows while rows are selected: how many, and what can be done with them. */

import { h } from "./dom.js";

/** @typedef {(key: string, values?: Record<string, string | number>) => string} Texts */
/**
 * @template Item
 * @typedef {object} Act
 * @property {string} id
 * @property {string} title
 * @property {boolean} [danger]
 * @property {(item: Item) => boolean} [applies]
 * @property {(items: Item[]) => unknown} run false or a promise of it: nothing was done
 */

/** @template Item */
export class BulkBar {
  #texts;
  #acts;
  #clear;
  #done;

  /**
   * @param {object} parts
   * @param {Texts} parts.texts
   * @param {Act<Item>[]} parts.acts
   * @param {() => void} parts.clear nothing is to be selected any more
   * @param {() => void} parts.done an act was
   */
  constructor({ texts, acts, clear, done }) {
    this.#texts = texts;
    this.#acts = acts;
    this.#clear = clear;
    this.#done = done;
    this.element = h("div", { class: "bulk", role: "group", "aria-label": texts("table.bulk"), hidden: true });
  }

  /** @param {Item[]} items that are selected */
  show(items) {
    const focused = document.activeElement?.getAttribute("data-act");
    this.element.hidden = items.length === 0;
    this.element.replaceChildren(...(items.length === 0 ? [] : this.#parts(items)));
    if (focused) /** @type {HTMLElement | null} */ (this.element.querySelector(`[data-act="${focused}"]`))?.focus();
  }

  /** @param {Item[]} items */
  #parts(items) {
    return [
      h("strong", {}, this.#texts("table.selected", { count: items.length })),
      ...this.#acts.map((act) => this.#button(act, items)),
      h("button", { type: "button", class: "small quiet", click: this.#clear }, this.#texts("table.deselect")),
    ];
  }

  /**
   * @param {Act<Item>} act
   * @param {Item[]} items
   */
  #button(act, items) {
    const fit = items.filter((item) => act.applies?.(item) ?? true);
    const title = fit.length === items.length ? act.title : this.#texts("table.bulk.some", { title: act.title, count: fit.length });
    return h("button", {
      type: "button", class: act.danger ? "small danger" : "small", disabled: fit.length === 0, "data-act": act.id,
      click: () => this.#run(act, fit),
    }, title);
  }

  /**
   * @param {Act<Item>} act
   * @param {Item[]} items
   */
  async #run(act, items) {
    if ((await act.run(items)) !== false) this.#done();
  }
}
