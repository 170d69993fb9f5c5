/**
 * Where keys act in a list, and where it is scrolled: both stay with their rows when others come or go above them.
 */

/**
 * @template Item
 * @typedef {{total: number, at: (index: number) => Item | undefined}} Rows
 */

/** A row is looked for so far around where it was, and around what is in view. */
const NEAR = 200;

/** @template Item */
export class TableCursor {
  #grid;
  #key;
  /** That keys act on; -1: the head. */
  row = 0;
  /** Of the row; -1: the row as a whole. */
  cell = -1;
  /** The row from which Shift selects. */
  anchor = 0;
  #rowKey = "";
  /** The row has not come yet. */
  #isAwaited = false;
  /** Of the first row in view. */
  #first = "";

  /**
   * @param {import("./grid_view.js").GridView<Item>} grid
   * @param {(item: Item) => string} key
   */
  constructor(grid, key) {
    this.#grid = grid;
    this.#key = key;
  }

  /** Other rows come. Who sorts by keys is in the head, and stays there. */
  restart() {
    this.row = Math.min(this.row, 0);
    this.anchor = 0;
    this.#rowKey = this.#first = "";
  }

  /**
   * @param {number} index -1: the head
   * @param {number} total
   */
  moveTo(index, total) {
    this.row = Math.max(-1, Math.min(index, Math.max(0, total - 1)));
    if (this.row >= 0) this.#grid.reveal(this.row);
    else this.cell = Math.max(0, this.cell);
  }

  /**
   * @param {number} by
   * @param {number} count of cells
   */
  moveCell(by, count) {
    const least = this.row < 0 ? 0 : -1;
    this.cell = Math.max(least, Math.min(this.cell + by, count - 1));
  }

  /** Goes to the row of this key when it comes. @param {string} key */
  await(key) {
    [this.#rowKey, this.#isAwaited] = [key, true];
  }

  /** What is where now, to be found again. @param {Rows<Item>} rows */
  remember(rows) {
    const top = rows.at(this.#firstIndex);
    this.#first = top === undefined ? "" : this.#key(top);
    const active = rows.at(this.row);
    if (active !== undefined) this.#rowKey = this.#key(active);
  }

  /**
   * Keys go on acting on the same row, wherever it is in what came.
   * @param {Rows<Item>} rows
   * @returns by how many rows the view has to go on, so that its first one stays there
   */
  follow(rows) {
    const firstIndex = this.#firstIndex;
    const isScrolled = this.#first !== "" && this.#grid.element.scrollTop > 0;
    const moved = isScrolled ? this.indexOf(rows, this.#first, firstIndex) - firstIndex : 0;
    const index = this.#rowKey ? this.indexOf(rows, this.#rowKey, this.row) : -1;
    if (index >= 0 && index !== this.row) {
      this.row = this.anchor = index;
      if (this.#isAwaited) this.#grid.reveal(index);
    }
    this.#isAwaited = false;
    return firstIndex + moved >= 0 ? moved : 0;
  }

  /**
   * @param {Rows<Item>} rows
   * @param {string} key
   * @param {number} [near] where it was
   * @returns -1 if it is not there
   */
  indexOf(rows, key, near = 0) {
    const { first, last } = this.#grid.range();
    for (let index = Math.max(0, Math.min(first, near) - NEAR); index <= Math.max(last, near) + NEAR; index++) {
      const item = rows.at(index);
      if (item !== undefined && this.#key(item) === key) return index;
    }
    return -1;
  }

  get #firstIndex() {
    return Math.floor(this.#grid.element.scrollTop / this.#grid.rowHeight);
  }
}
