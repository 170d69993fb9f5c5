/**
 * A list from the newest to the older ones, a page at a time: launches, history, audit. `refresh` keeps what is read.
 *
 * A plain table, which on a phone stands as cards (CSS), for tens to some hundred rows: who needs more filters or exports.
 */

import { ApiError } from "../api/client.js";
import { h } from "../ui/dom.js";
import { errorText, t } from "./strings.js";

/** @typedef {import("../ui/dom.js").Child} Child */

/**
 * @template Item
 * @typedef {object} CursorColumn
 * @property {string} title
 * @property {(item: Item) => Child} cell
 * @property {string} [class]
 */

export const PAGE = 50;

/**
 * @template Item
 * @typedef {object} Page
 * @property {Item[]} items the newest first
 * @property {string} before what the next page is asked for with; "" at the end
 * @property {string} [note] what the reader must know of this answer
 */

/** @template Item */
export class CursorList {
  #load;
  #columns;
  /** @type {Item[]} */
  #items = [];
  #before = "";
  #asking = new AbortController();
  #body = h("tbody");
  #older = h("button", { type: "button", hidden: true, click: () => this.#more() }, t("list.older"));
  #status = h("p", { class: "muted late", role: "status" }, t("list.loading"));
  #alert = h("div", { role: "alert", class: "alert" });
  #table;
  #empty;

  /**
   * @param {object} parts
   * @param {string} parts.label
   * @param {string} parts.empty
   * @param {CursorColumn<Item>[]} parts.columns
   * @param {(before: string, limit: number, signal: AbortSignal) => Promise<Page<Item>>} parts.load
   */
  constructor({ label, empty, columns, load }) {
    this.#load = load;
    this.#columns = columns;
    this.#empty = empty;
    const head = h("thead", {}, h("tr", {}, ...columns.map(({ title }) => h("th", { scope: "col" }, title))));
    this.#table = h("table", { class: "list-table", hidden: true }, h("caption", { class: "visually-hidden" }, label), head, this.#body);
    this.element = h("div", { class: "cursor-list", tabindex: "-1" }, this.#alert, this.#status, this.#table, this.#older);
  }

  /** @returns {readonly Item[]} */
  get items() {
    return this.#items;
  }

  stop() {
    this.#asking.abort();
  }

  /** From the newest on, for another question or because something has happened. @param {boolean} [anew] forget how far was read */
  async refresh(anew = false) {
    this.#asking.abort();
    this.#asking = new AbortController();
    const page = await this.#page("", anew ? PAGE : Math.max(PAGE, this.#items.length));
    if (page === null) return;
    this.#items = [];
    this.#body.replaceChildren();
    this.#take(page);
  }

  /** Ones that came while the list was looked at. @param {Item[]} items the newest first */
  prepend(items) {
    if (items.length === 0) return;
    this.#items = [...items, ...this.#items];
    this.#body.prepend(...items.map((item) => this.#row(item, "fresh")));
    this.#status.textContent = "";
    this.#table.hidden = false;
  }

  async #more() {
    this.#older.setAttribute("aria-busy", "true");
    const page = await this.#page(this.#before, PAGE);
    this.#older.removeAttribute("aria-busy");
    if (page === null) return;
    const first = this.#items.length;
    this.#take(page);
    // The button may be gone: go on reading where it stood.
    if (this.#older.hidden) this.#focusRow(first);
  }

  /** @param {Page<Item>} page */
  #take({ items, before, note = "" }) {
    this.#items = [...this.#items, ...items];
    this.#before = before;
    this.#body.append(...items.map((item) => this.#row(item)));
    this.#status.classList.remove("late");
    this.#status.textContent = note || (this.#items.length === 0 && before === "" ? this.#empty : "");
    this.#table.hidden = this.#items.length === 0;
    this.#older.hidden = before === "";
  }

  /** @param {number} index */
  #focusRow(index) {
    const row = /** @type {HTMLElement | undefined} */ (this.#body.children[index]);
    if (row === undefined) return;
    row.tabIndex = -1;
    row.focus();
  }

  /**
   * @param {string} before
   * @param {number} limit
   * @returns {Promise<Page<Item> | null>} null: the question is not asked any more, or there was no answer
   */
  async #page(before, limit) {
    const { signal } = this.#asking;
    try {
      const page = await this.#load(before, limit, signal);
      this.#alert.replaceChildren();
      return signal.aborted ? null : page;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!signal.aborted) this.#failed(error);
      return null;
    }
  }

  /** @param {ApiError} error */
  #failed(error) {
    this.#status.textContent = "";
    this.#alert.replaceChildren(errorText(error), " ",
      h("button", { type: "button", click: () => this.refresh() }, t("list.retry")));
  }

  /**
   * @param {Item} item
   * @param {string} [mark]
   */
  #row(item, mark = "") {
    return h("tr", { class: mark }, ...this.#columns.map(({ title, cell, class: name = "" }) =>
      h("td", { class: name, "data-title": title }, h("div", {}, cell(item)))));
  }
}

/**
 * What a page is asked for with.
 * @param {URLSearchParams} query
 * @param {string} before
 * @param {number} limit
 */
export function paged(query, before, limit) {
  query.set("limit", String(limit));
  if (before !== "") query.set("before", before);
  return query;
}
