/**
 * The rows of a table as an ARIA grid (APG): only those in view exist, however many there are.
 *
 * The focus stays on the grid itself, `aria-activedescendant` names the row or cell: a row that is drawn anew under the
 * fingers takes no focus along. Rows are known by their key: one that moves keeps its element. Draws what it is told;
 * keys and presses are reported.
 */

import { h } from "./dom.js";

/**
 * @template Item
 * @typedef {object} Column
 * @property {string} id a field of the item, by which it sorts
 * @property {string} title
 * @property {string} [width] of a CSS grid
 * @property {(item: Item) => Node | string} [cell] what is drawn, if not the text
 * @property {(item: Item) => string} text for CSV and, without `cell`, for the eye
 * @property {boolean} [sortable] true unless said otherwise
 * @property {"end"} [align]
 * @property {"wide" | "always"} [shown] "wide": not where there is little room
 */

/**
 * @template Item
 * @typedef {object} Picture
 * @property {number} total
 * @property {(index: number) => Item | undefined} at
 * @property {(item: Item) => boolean} isSelected
 * @property {number} active index of the row that keys act on, -1 the head
 * @property {number} cell of the active row, -1: the row as a whole
 */

/** Rows above and below those in view. */
const SPARE = 6;
/** Browsers draw no element higher than this (Firefox: 17.8 million pixels). */
const MAXIMUM_HEIGHT = 15_000_000;
let grids = 0;

/** @template Item */
export class GridView {
  #columns;
  #key;
  #href;
  #id = `grid-${++grids}`;
  /** @type {Map<string, HTMLElement>} */
  #elements = new Map();
  /** What each row was drawn from. @type {WeakMap<HTMLElement, unknown>} */
  #drawn = new WeakMap();
  #head = h("div", { role: "row", "aria-rowindex": "1", class: "grid-row grid-head" });
  #body = h("div", { role: "rowgroup", class: "grid-body" });
  #picture = /** @type {Picture<Item>} */ ({ total: 0, at: () => undefined, isSelected: () => false, active: 0, cell: -1 });
  #isSelectable;
  onscroll = () => {};

  /**
   * @param {object} parts
   * @param {string} parts.label
   * @param {Column<Item>[]} parts.columns
   * @param {(item: Item) => string} parts.key
   * @param {(item: Item) => string} [parts.href] of the page that shows one
   * @param {boolean} parts.isSelectable
   * @param {string} parts.selectAll name of the cell that selects all
   */
  constructor({ label, columns, key, href, isSelectable, selectAll }) {
    this.#columns = columns;
    this.#key = key;
    this.#href = href;
    this.#isSelectable = isSelectable;
    this.element = h("div", {
      role: "grid", class: "grid", tabindex: "0", "aria-label": label, "aria-colcount": String(columns.length + Number(isSelectable)),
      ...(isSelectable && { "aria-multiselectable": "true" }), scroll: () => this.onscroll(),
    }, this.#head, this.#body);
    this.#drawHead(selectAll);
    const widths = columns.map(({ width }) => width ?? "minmax(6rem, 1fr)");
    this.element.style.setProperty("--columns", [...(isSelectable ? ["2.25rem"] : []), ...widths].join(" "));
    const narrow = columns.filter(({ shown }) => shown !== "wide").map(({ width }) => width ?? "minmax(6rem, 1fr)");
    this.element.style.setProperty("--columns-narrow", [...(isSelectable ? ["2.25rem"] : []), ...narrow].join(" "));
  }

  get rowHeight() {
    return parseFloat(getComputedStyle(this.element).getPropertyValue("--row")) || 36;
  }

  get #headHeight() {
    return this.#head.offsetHeight;
  }

  /** The rows in view. */
  range() {
    const { scrollTop, clientHeight } = this.element;
    const height = this.rowHeight;
    const first = Math.max(0, Math.floor(scrollTop / height) - SPARE);
    const count = Math.ceil(clientHeight / height) + 2 * SPARE;
    return { first, last: first + count };
  }

  /** How many fit, for PageUp and PageDown. */
  get pageRows() {
    return Math.max(1, Math.floor((this.element.clientHeight - this.#headHeight) / this.rowHeight) - 1);
  }

  /** @param {number} index */
  reveal(index) {
    const height = this.rowHeight;
    const top = index * height;
    const visible = this.element.clientHeight - this.#headHeight;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top + height > this.element.scrollTop + visible) this.element.scrollTop = top + height - visible;
  }

  /** @param {Picture<Item>} picture */
  draw(picture) {
    this.#picture = picture;
    const height = this.rowHeight;
    const total = Math.min(picture.total, Math.floor(MAXIMUM_HEIGHT / height));
    this.element.setAttribute("aria-rowcount", String(total + 1));
    this.#body.style.height = `${total * height}px`;
    const { first, last } = this.range();
    /** @type {Map<string, HTMLElement>} */
    const kept = new Map();
    for (let index = first; index <= Math.min(last, total - 1); index++) {
      const item = picture.at(index);
      const key = item === undefined ? `…${index}` : `=${this.#key(item)}`;
      const element = this.#elements.get(key) ?? h("div", { role: "row", class: "grid-row" });
      this.#drawRow(element, item, index, height);
      kept.set(key, element);
    }
    for (const [key, element] of this.#elements) if (!kept.has(key)) element.remove();
    this.#elements = kept;
    this.#order(Array.from(kept.values()));
    this.#describeActive();
  }

  /** Readers follow the order of elements; those that stand right are not touched. @param {HTMLElement[]} elements */
  #order(elements) {
    elements.forEach((element, position) => {
      const there = this.#body.children[position];
      if (there !== element) this.#body.insertBefore(element, there ?? null);
    });
  }

  /** @param {{sort: (column: Column<Item>) => "ascending" | "descending" | "none", allSelected: boolean}} state */
  drawState({ sort, allSelected }) {
    const cells = Array.from(this.#head.children).slice(Number(this.#isSelectable));
    this.#columns.forEach((column, index) => {
      if (column.sortable !== false) cells[index].setAttribute("aria-sort", sort(column));
    });
    if (this.#isSelectable) this.#head.classList.toggle("all-selected", allSelected);
  }

  /** @param {string} selectAll */
  #drawHead(selectAll) {
    const cells = this.#columns.map((column, index) => h("div", {
      role: "columnheader", class: cellClass(column), "data-column": String(index), id: `${this.#id}-h-${index}`,
      ...(column.sortable !== false && { "aria-sort": "none" }),
    }, h("span", {}, column.title)));
    const box = h("div", { role: "columnheader", class: "grid-cell grid-box", "data-column": "all", id: `${this.#id}-h-all` },
      h("span", { class: "box", "aria-hidden": "true" }), h("span", { class: "visually-hidden" }, selectAll));
    this.#head.append(...(this.#isSelectable ? [box] : []), ...cells);
  }

  /**
   * @param {HTMLElement} element
   * @param {Item | undefined} item
   * @param {number} index
   * @param {number} height
   */
  #drawRow(element, item, index, height) {
    element.style.transform = `translateY(${index * height}px)`;
    element.setAttribute("aria-rowindex", String(index + 2));
    element.dataset.index = String(index);
    element.id = `${this.#id}-r-${index}`;
    const isActive = index === this.#picture.active;
    element.classList.toggle("active", isActive);
    if (this.#isSelectable) element.setAttribute("aria-selected", String(item !== undefined && this.#picture.isSelected(item)));
    if (this.#drawn.get(element) !== (item ?? null) || !element.hasChildNodes()) this.#fill(element, item);
  }

  /**
   * @param {HTMLElement} element
   * @param {Item | undefined} item
   */
  #fill(element, item) {
    const before = /** @type {Item | undefined} */ (this.#drawn.get(element) ?? undefined);
    this.#drawn.set(element, item ?? null);
    element.classList.toggle("pending", item === undefined);
    // A refresh brings new objects with the same content: then nothing is touched.
    if (item !== undefined && before !== undefined && JSON.stringify(before) === JSON.stringify(item)) return;
    const cells = this.#columns.map((column, index) => this.#cell(column, index, item));
    const box = h("div", { role: "gridcell", class: "grid-cell grid-box" }, h("span", { class: "box", "aria-hidden": "true" }));
    element.replaceChildren(...(this.#isSelectable ? [box] : []), ...cells);
  }

  /**
   * @param {Column<Item>} column
   * @param {number} index
   * @param {Item | undefined} item
   */
  #cell(column, index, item) {
    const content = item === undefined ? h("span", { class: "bone" }) : column.cell?.(item) ?? column.text(item);
    const title = item !== undefined && typeof content === "string" ? content : "";
    const isLink = index === 0 && item !== undefined && this.#href !== undefined;
    return h("div", { role: "gridcell", class: cellClass(column), "data-cell": String(index), ...(title && { title }) },
      isLink ? h("a", { href: this.#href?.(item) ?? "", tabindex: "-1" }, content) : content);
  }

  /** Which row or cell has the focus, for readers. */
  #describeActive() {
    const { active, cell, total } = this.#picture;
    for (const each of this.element.querySelectorAll(".active-cell")) {
      each.classList.remove("active-cell");
      if (each.role === "gridcell") each.removeAttribute("id");
    }
    if (active < 0) return this.#activate(/** @type {HTMLElement | undefined} */ (this.#head.children[Math.max(0, cell)]));
    const row = total > 0 ? this.#body.querySelector(`[data-index="${active}"]`) : null;
    if (row === null) return this.element.removeAttribute("aria-activedescendant");
    const target = /** @type {HTMLElement} */ (cell < 0 ? row : row.children[cell] ?? row);
    if (target !== row) target.id = `${row.id}-c-${cell}`;
    this.#activate(target, cell >= 0);
  }

  /**
   * @param {HTMLElement | undefined} element
   * @param {boolean} [isCell]
   */
  #activate(element, isCell = true) {
    if (element === undefined) return;
    if (isCell) element.classList.add("active-cell");
    this.element.setAttribute("aria-activedescendant", element.id);
  }
}

/** @param {{align?: string, shown?: string}} column */
function cellClass({ align, shown }) {
  return ["grid-cell", align === "end" && "end", shown === "wide" && "wide"].filter(Boolean).join(" ");
}
