/**
 * A list of any length: searched, sorted and filtered by whoever serves it, read a page at a time, worked with by keys.
 *
 * Keys on the rows: arrows, j and k, PageUp, PageDown, Home, End; Enter opens; Space or x selects, with Shift as far
 * as it goes; Ctrl+A all; Escape none; Left and Right go through the cells, ArrowUp above the first row to the head.
 * `refresh` reads again what is seen: scroll, focus and selection stay.
 */

import { BulkBar } from "./bulk_bar.js";
import { csv } from "./csv.js";
import { h } from "./dom.js";
import { GridView } from "./grid_view.js";
import { emptyQuery, nextSort, sortState } from "./list_query.js";
import { PagedRows } from "./paged_rows.js";
import { Selection } from "./selection.js";
import { TableCursor } from "./table_cursor.js";
import { keyAct } from "./table_keys.js";
import { TableMessage } from "./table_message.js";
import { TableTools } from "./table_tools.js";

/** @typedef {import("./table_keys.js").KeyAct} KeyAct */
/** @typedef {import("./list_query.js").Query} Query */
/**
 * @template Item
 * @typedef {object} Parts
 * @property {(key: string, values?: Record<string, string | number>) => string} texts
 * @property {string} label name of the list
 * @property {string} search label of the search
 * @property {import("./grid_view.js").Column<Item>[]} columns the first one names the row
 * @property {(query: Query, page: {offset: number, limit: number}, signal: AbortSignal) => Promise<{items: Item[], total: number}>} load
 * @property {(item: Item) => string} key
 * @property {(item: Item) => void} open
 * @property {(item: Item) => string} [href]
 * @property {import("./table_tools.js").Filter[]} [filters]
 * @property {import("./bulk_bar.js").Act<Item>[]} [acts] on what is selected
 * @property {HTMLElement[]} [tools] more of them, behind the count
 * @property {() => Node} empty what stands where there is nothing at all
 * @property {Query} [query]
 * @property {(query: Query) => void} [asked] another query
 * @property {(error: unknown) => string} failed
 */

/** As many as are selected at once. */
const MOST_SELECTED = 5000;
const MOST_EXPORTED = 200_000;

/** @template Item */
export class DataTable {
  #parts;
  /** @type {Query} */
  #query;
  #rows;
  /** Whose rows are drawn. @type {PagedRows<Item>} */
  #shown = /** @type {any} */ (null);
  #selection;
  #grid;
  #tools;
  #cursor;
  #bar;
  #frame = 0;
  #message;
  #sizes = new ResizeObserver(() => this.#draw());

  /** @param {Parts<Item>} parts */
  constructor(parts) {
    const { texts, label, columns, key, href, acts = [] } = parts;
    this.#parts = parts;
    this.#query = parts.query ?? emptyQuery();
    this.#selection = new Selection(key);
    this.#rows = this.#newRows();
    this.#grid = new GridView({ label, columns, key, href, isSelectable: acts.length > 0, selectAll: texts("table.selectall") });
    this.#cursor = new TableCursor(this.#grid, key);
    this.#grid.onscroll = () => this.#drawSoon();
    this.#tools = new TableTools({
      texts, label: parts.search, query: this.#query, filters: parts.filters ?? [],
      orders: columns.filter(({ sortable }) => sortable !== false), more: parts.tools ?? [],
      asked: (query) => this.ask(query), down: () => this.focus(),
    });
    this.#message = new TableMessage({ ...parts, refresh: () => this.refresh(), clear: () => this.#tools.clear() });
    this.#bar = new BulkBar({ texts, acts, clear: () => this.#leaveSelection(), done: () => this.#acted() });
    this.element = h("div", { class: "data-table" }, this.#tools.element, this.#bar.element, this.#grid.element, this.#message.element);
    this.#grid.element.addEventListener("keydown", (event) => this.#key(event));
    this.#grid.element.addEventListener("click", (event) => this.#click(event));
    this.#grid.element.addEventListener("focus", () => this.#grid.element.classList.add("focused"));
    this.#sizes.observe(this.#grid.element);
    this.#draw();
  }

  get query() {
    return this.#query;
  }

  get selected() {
    return this.#selection.items;
  }

  stop() {
    this.#sizes.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  focus() {
    this.#grid.element.focus({ preventScroll: true });
  }

  focusSearch() {
    this.#tools.focus();
  }

  /** @param {Query} query */
  ask(query) {
    if (JSON.stringify(query) === JSON.stringify(this.#query)) return;
    this.#query = query;
    this.#rows = this.#newRows(this.#rows);
    this.#cursor.restart();
    this.#selection.clear();
    this.#parts.asked?.(query);
    this.#tools.show(query);
    this.#grid.element.scrollTop = 0;
    this.#draw();
  }

  /** Reads again what is seen. */
  refresh() {
    this.#rows.refresh();
    this.#draw();
  }

  clearSelection() {
    this.#selection.clear();
    this.#draw();
  }

  /** The filters' options are other ones. */
  renewFilters() {
    this.#tools.show(this.#query);
  }

  /** All rows of the query, as CSV. */
  async csv() {
    const items = await this.#rows.all(MOST_EXPORTED);
    const { columns } = this.#parts;
    return csv([columns.map(({ title }) => title), ...items.map((item) => columns.map(({ text }) => text(item)))]);
  }

  /** @param {number} by */
  move(by) {
    this.#moveTo(Math.max(0, this.#cursor.row) + by, false);
  }

  /** Makes the row of this key the one that keys act on, now or when it comes. @param {string} key */
  activate(key) {
    const index = this.#cursor.indexOf(this.#shown, key);
    if (index >= 0) this.#moveTo(index, false);
    else this.#cursor.await(key);
  }

  // --- what is shown

  /** Until the new rows have come, the old ones stay. @param {PagedRows<Item>} [before] */
  #newRows(before) {
    const query = this.#query;
    const rows = new PagedRows(
      (offset, limit, signal) => this.#parts.load(query, { offset, limit }, signal),
      () => this.#arrived(rows),
    );
    this.#shown = before ?? rows;
    return rows;
  }

  /** @param {PagedRows<Item>} rows */
  #arrived(rows) {
    if (rows !== this.#rows) return;
    this.#shown = rows;
    this.#selection.renew(rows.loaded());
    this.#stay();
    this.#draw();
  }

  /** The first row in view stays where it is, and keys go on acting on the same row. */
  #stay() {
    const moved = this.#cursor.follow(this.#shown);
    if (moved === 0) return;
    // The height must allow it first.
    this.#draw();
    this.#grid.element.scrollTop += moved * this.#grid.rowHeight;
  }

  #drawSoon() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const rows = this.#shown;
    const total = Math.max(0, rows.total);
    this.#cursor.row = Math.min(this.#cursor.row, Math.max(0, total - 1));
    const { first, last } = this.#grid.range();
    this.#rows.want(first, this.#rows.total < 0 ? last : Math.min(last, Math.max(0, this.#rows.total - 1)));
    this.#grid.draw({
      total: rows.total < 0 && rows.error === null ? 8 : total,
      at: (index) => rows.at(index),
      isSelected: (item) => this.#selection.has(item),
      active: this.#cursor.row,
      cell: this.#cursor.cell,
    });
    this.#cursor.remember(rows);
    this.#drawState(total);
  }

  /** @param {number} total */
  #drawState(total) {
    const { texts } = this.#parts;
    const { size } = this.#selection;
    this.#grid.drawState({ sort: ({ id }) => sortState(this.#query.sort, id), allSelected: size > 0 && size >= Math.min(total, MOST_SELECTED) });
    this.#grid.element.setAttribute("aria-busy", String(this.#rows !== this.#shown || this.#rows.total < 0));
    this.#tools.showCount(this.#shown.total < 0 ? "" : texts(total === 1 ? "table.count.one" : "table.count", { count: total.toLocaleString() }));
    this.#bar.show(this.#selection.items);
    const { search, filters } = this.#query;
    const isNarrowed = search !== "" || Object.values(filters).some((values) => values.length > 0);
    this.#message.show({ error: this.#rows.error, total: this.#shown.total, isNarrowed });
    this.#grid.element.classList.toggle("bare", this.#shown.total <= 0 && this.#message.isShown);
  }

  // --- what is done

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.altKey || event.isComposing) return;
    const act = keyAct(event, this.#grid.pageRows);
    if (act === null || !this.#can(act)) return;
    event.preventDefault();
    event.stopPropagation();
    this.#do(act, event.shiftKey && this.#isSelectable);
  }

  get #isSelectable() {
    return (this.#parts.acts ?? []).length > 0;
  }

  /** What a key would do here; else it is left to the page. @param {KeyAct} act */
  #can({ act }) {
    if (act === "none") return this.#selection.size > 0;
    return this.#isSelectable || (act !== "all" && act !== "toggle");
  }

  /**
   * @param {KeyAct} act
   * @param {boolean} far selects up to there
   */
  #do(act, far) {
    switch (act.act) {
      case "move": {
        const to = this.#cursor.row + act.by;
        return this.#moveTo(act.by < -1 ? Math.max(0, to) : to, far);
      }
      case "moveTo": return this.#moveTo(act.end === "first" ? 0 : Math.max(0, this.#shown.total - 1), far);
      case "cell": return this.#moveCell(act.by);
      case "open": return this.#enter();
      case "toggle": return this.#toggle(this.#cursor.row);
      case "all": return void this.#selectAll();
      case "none": return this.clearSelection();
    }
  }

  /**
   * @param {number} index -1: the head
   * @param {boolean} selects
   */
  #moveTo(index, selects) {
    this.#cursor.moveTo(index, this.#shown.total);
    if (selects) this.#selectTo(this.#cursor.row);
    else this.#cursor.anchor = this.#cursor.row;
    this.#draw();
  }

  /** @param {number} by */
  #moveCell(by) {
    this.#cursor.moveCell(by, this.#parts.columns.length + Number(this.#isSelectable));
    this.#draw();
  }

  #enter() {
    const { row, cell } = this.#cursor;
    if (row < 0) return this.#pressHead(cell - Number(this.#isSelectable));
    const item = this.#shown.at(row);
    if (item !== undefined) this.#parts.open(item);
  }

  /** @param {number} column -1: the one that selects all */
  #pressHead(column) {
    if (column < 0) return this.#selection.size > 0 ? this.clearSelection() : this.#selectAll();
    const { id, sortable } = this.#parts.columns[column];
    if (sortable !== false) this.ask({ ...this.#query, sort: nextSort(this.#query.sort, id) });
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const head = target.closest("[data-column]");
    if (head) return this.#pressHead(head.getAttribute("data-column") === "all" ? -1 : Number(head.getAttribute("data-column")));
    const row = /** @type {HTMLElement | null} */ (target.closest("[data-index]"));
    if (row === null || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || getSelection()?.isCollapsed === false) return;
    event.preventDefault(); // the link of a row is for other windows; here the row opens
    const index = Number(row.dataset.index);
    this.#cursor.cell = -1;
    if (target.closest(".grid-box") || event.shiftKey) return this.#pressBox(index, event.shiftKey);
    this.#moveTo(index, false);
    this.focus();
    this.#enter();
  }

  /**
   * @param {number} index
   * @param {boolean} far
   */
  #pressBox(index, far) {
    if (!this.#isSelectable) return;
    if (far) return this.#moveTo(index, true);
    this.#moveTo(index, false);
    this.#toggle(index);
  }

  /** @param {number} index */
  #toggle(index) {
    const item = this.#shown.at(index);
    if (item === undefined) return;
    this.#selection.toggle(item);
    this.#draw();
  }

  /** @param {number} index */
  #selectTo(index) {
    const [from, to] = [Math.max(0, Math.min(this.#cursor.anchor, index)), Math.max(this.#cursor.anchor, index)];
    for (let each = from; each <= to; each++) {
      const item = this.#shown.at(each);
      if (item !== undefined) this.#selection.add([item]);
    }
  }

  async #selectAll() {
    const rows = this.#rows;
    const items = await rows.all(MOST_SELECTED);
    if (rows !== this.#rows) return;
    this.#selection.add(items);
    this.#draw();
  }

  /** What was acted on is selected no more. */
  #acted() {
    this.#leaveSelection();
    this.refresh();
  }

  /** The button that had the focus is gone. */
  #leaveSelection() {
    this.clearSelection();
    this.focus();
  }
}
