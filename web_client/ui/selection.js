/** Which rows are selected, by key, wherever they are and even if they are not loaded. */

/** @template Item */
export class Selection {
  #key;
  /** @type {Map<string, Item>} */
  #items = new Map();

  /** @param {(item: Item) => string} key */
  constructor(key) {
    this.#key = key;
  }

  get size() {
    return this.#items.size;
  }

  get items() {
    return Array.from(this.#items.values());
  }

  /** @param {Item} item */
  has(item) {
    return this.#items.has(this.#key(item));
  }

  /** @param {Item} item */
  toggle(item) {
    if (this.has(item)) this.#items.delete(this.#key(item));
    else this.add([item]);
  }

  /** @param {Item[]} items */
  add(items) {
    for (const item of items) this.#items.set(this.#key(item), item);
  }

  /** What is selected as it is now. @param {Item[]} items */
  renew(items) {
    for (const item of items) if (this.has(item)) this.#items.set(this.#key(item), item);
  }

  /** @param {Item[]} items */
  remove(items) {
    for (const item of items) this.#items.delete(this.#key(item));
  }

  clear() {
    this.#items.clear();
  }
}
