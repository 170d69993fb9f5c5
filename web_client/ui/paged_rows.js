/**
 * The rows of a long list, a page at a time, as they are looked at.
 *
 * What is seen stays until something newer has come: a refresh shows no gaps. Only the newest question counts.
 */

/**
 * @template Item
 * @typedef {{items: Item[], total: number}} Page
 */

export const PAGE = 100;
/** Of a request for everything: what servers give at once. */
const LARGE_PAGE = 1000;

/** @template Item */
export class PagedRows {
  #load;
  #changed;
  /** @type {Map<number, Item[]>} */
  #pages = new Map();
  /** Pages that are asked for, and pages that are older than the last refresh. @type {Map<number, AbortController>} */
  #asked = new Map();
  /** @type {Set<number>} */
  #stale = new Set();
  /** Asked for in vain; not again before the next refresh. @type {Set<number>} */
  #failed = new Set();
  #total = -1;
  #generation = 0;
  /** @type {unknown} */
  error = null;

  /**
   * @param {(offset: number, limit: number, signal: AbortSignal) => Promise<Page<Item>>} load
   * @param {() => void} changed
   */
  constructor(load, changed) {
    this.#load = load;
    this.#changed = changed;
  }

  /** Rows there are; -1 before the first answer. */
  get total() {
    return this.#total;
  }

  /** Whether what is shown is what was asked for last. */
  get isSettled() {
    return this.#asked.size === 0 && this.#total >= 0;
  }

  /** @param {number} index */
  at(index) {
    return this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** All that are here. @returns {Item[]} */
  loaded() {
    return Array.from(this.#pages.keys()).sort((a, b) => a - b).flatMap((page) => this.#pages.get(page) ?? []);
  }

  /**
   * Have these rows here, soon.
   * @param {number} first
   * @param {number} last
   */
  want(first, last) {
    const from = Math.max(0, Math.floor(first / PAGE));
    const to = Math.max(from, Math.floor(Math.max(0, last) / PAGE));
    for (const [page, asking] of this.#asked)
      if (page < from || page > to) {
        asking.abort();
        this.#asked.delete(page);
      }
    for (let page = from; page <= to; page++)
      if ((!this.#pages.has(page) || this.#stale.has(page)) && !this.#asked.has(page) && !this.#failed.has(page))
        this.#ask(page);
  }

  /** Something has changed: what is seen is asked for again, the rest when it is seen. */
  refresh() {
    this.#generation++;
    for (const asking of this.#asked.values()) asking.abort();
    this.#asked.clear();
    this.#failed.clear();
    this.#stale = new Set(this.#pages.keys());
    if (this.#total < 0) this.#stale.add(0);
  }

  /** Every row, in order, up to a number. @param {number} most */
  async all(most) {
    /** @type {Item[]} */
    const items = [];
    const { signal } = new AbortController();
    for (;;) {
      const page = await this.#load(items.length, Math.min(LARGE_PAGE, most - items.length), signal);
      items.push(...page.items);
      if (items.length >= Math.min(page.total, most) || page.items.length === 0) return items;
    }
  }

  /** @param {number} page */
  async #ask(page) {
    const asking = new AbortController();
    const generation = this.#generation;
    this.#asked.set(page, asking);
    try {
      const answer = await this.#load(page * PAGE, PAGE, asking.signal);
      if (asking.signal.aborted || generation !== this.#generation) return;
      this.#take(page, answer);
      this.error = null;
    } catch (error) {
      if (asking.signal.aborted || generation !== this.#generation) return;
      this.error = error;
      this.#failed.add(page);
    }
    if (this.#asked.get(page) === asking) this.#asked.delete(page);
    this.#changed();
  }

  /**
   * @param {number} page
   * @param {Page<Item>} answer
   */
  #take(page, { items, total }) {
    this.#pages.set(page, items);
    this.#stale.delete(page);
    this.#total = total;
    const last = Math.floor(Math.max(0, total - 1) / PAGE);
    for (const each of this.#pages.keys())
      if (each > last) {
        this.#pages.delete(each);
        this.#stale.delete(each);
      }
  }
}
