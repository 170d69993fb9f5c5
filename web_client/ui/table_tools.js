/** What stands above a table: search, filters as chips, the order on small screens. */

import { h } from "./dom.js";

/** @typedef {import("./list_query.js").Query} Query */
/** @typedef {(key: string, values?: Record<string, string | number>) => string} Texts */
/** @typedef {{id: string, title: string, options: () => {value: string, title: string}[]}} Filter */

const TYPING_MS = 150;

export class TableTools {
  #texts;
  #filters;
  #asked;
  /** @type {Query} */
  #query;
  #timer = 0;
  #count = h("span", { class: "count", role: "status" });
  #chips = h("div", { class: "chips" });
  #search;
  #sort;

  /**
   * @param {object} parts
   * @param {Texts} parts.texts
   * @param {string} parts.label what is searched
   * @param {Query} parts.query
   * @param {Filter[]} parts.filters
   * @param {{id: string, title: string}[]} parts.orders what it can be sorted by
   * @param {HTMLElement[]} parts.more at the end
   * @param {(query: Query) => void} parts.asked
   * @param {() => void} parts.down the arrow that leads into the table
   */
  constructor({ texts, label, query, filters, orders, more, asked, down }) {
    this.#texts = texts;
    this.#filters = filters;
    this.#asked = asked;
    this.#query = query;
    this.#search = h("input", {
      type: "search", class: "table-search", "aria-label": label, placeholder: label, autocomplete: "off", spellcheck: "false",
      input: () => this.#typed(), keydown: (event) => this.#key(event, down),
    });
    this.#sort = h("select", { class: "table-sort", "aria-label": texts("table.sort"), change: () => this.#sorted() },
      h("option", { value: "" }, texts("table.sort.own")),
      ...orders.flatMap(({ id, title }) => [
        h("option", { value: id }, texts("table.sort.up", { title })), h("option", { value: `-${id}` }, texts("table.sort.down", { title })),
      ]));
    this.element = h("div", { class: "table-tools" }, this.#search, this.#chips, this.#sort, this.#count, ...more);
    this.show(query);
  }

  focus() {
    this.#search.focus();
    this.#search.select();
  }

  /** @param {string} text */
  showCount(text) {
    if (this.#count.textContent !== text) this.#count.textContent = text;
  }

  /** @param {Query} query */
  show(query) {
    this.#query = query;
    if (document.activeElement !== this.#search) this.#search.value = query.search;
    this.#sort.value = query.sort;
    const focused = document.activeElement?.getAttribute("data-filter");
    this.#chips.replaceChildren(...this.#filters.map((filter) => this.#filter(filter)), this.#clear());
    if (focused) /** @type {HTMLElement | null} */ (this.#chips.querySelector(`[data-filter="${focused}"]`))?.focus();
  }

  /** A filter is a select that shows what it is set to: each press of it is one choice. @param {Filter} filter */
  #filter({ id, title, options }) {
    const [value = ""] = this.#query.filters[id] ?? [];
    const known = options();
    if (value && !known.some((each) => each.value === value)) known.push({ value, title: value });
    const select = h("select", {
      class: value ? "chip set" : "chip", "data-filter": id, "aria-label": title, hidden: known.length === 0,
      change: () => this.#ask({ filters: { ...this.#query.filters, [id]: select.value ? [select.value] : [] } }),
    }, h("option", { value: "" }, this.#texts("table.filter.any", { title })),
    ...known.map((each) => h("option", { value: each.value }, `${title}: ${each.title}`)));
    select.value = value;
    return select;
  }

  #clear() {
    const { search, filters } = this.#query;
    const isSet = search !== "" || Object.values(filters).some((values) => values.length > 0);
    return h("button", { type: "button", class: "quiet small", hidden: !isSet, click: () => this.clear() }, this.#texts("table.clear"));
  }

  clear() {
    this.#search.value = "";
    this.#ask({ search: "", filters: {} });
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask({ search: this.#search.value }), TYPING_MS);
  }

  #sorted() {
    this.#ask({ sort: this.#sort.value });
  }

  /**
   * @param {KeyboardEvent} event
   * @param {() => void} down
   */
  #key(event, down) {
    if (event.isComposing) return;
    if (event.key === "Escape" && this.#search.value) {
      event.stopPropagation();
      this.#search.value = "";
      return this.#ask({ search: "" });
    }
    if (event.key !== "ArrowDown" && event.key !== "Enter") return;
    event.preventDefault();
    if (this.#search.value !== this.#query.search) this.#ask({ search: this.#search.value });
    down();
  }

  /** @param {Partial<Query>} change */
  #ask(change) {
    clearTimeout(this.#timer);
    this.#asked({ ...this.#query, ...change });
  }
}
