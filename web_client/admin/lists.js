/**
 * Lists of the API as a table wants them: searched, sorted and cut into pages by the broker (docs/api.md, "Lists").
 *
 * A broker of the release before answers everything at once, without `total`; so do lists that are always short. Then
 * it is done here.
 */

import { parametersOf, select } from "../ui/list_query.js";

/** @typedef {import("../ui/list_query.js").Query} Query */
/** @typedef {{offset: number, limit: number}} Page */

/**
 * @template Item
 * @param {import("./context.js").Context} context
 * @param {string} path below /admin
 * @param {(item: Item, field: string) => unknown} valueOf
 * @param {string[]} searched fields
 */
export function listOf(context, path, valueOf, searched) {
  /**
   * @param {Query} query
   * @param {Page} page
   * @param {AbortSignal} signal
   * @returns {Promise<{items: Item[], total: number}>}
   */
  return async (query, page, signal) => {
    const answer = await context.get(`${path}?${parametersOf(query, page)}`, signal);
    return answer.total === undefined ? cut(select(answer.items, query, valueOf, searched), page) : answer;
  };
}

/**
 * A list that is read as a whole.
 * @template Item
 * @param {(signal: AbortSignal) => Promise<Item[]>} read
 * @param {(item: Item, field: string) => unknown} valueOf
 * @param {string[]} searched fields
 */
export function shortList(read, valueOf, searched) {
  /** @param {Query} query @param {Page} page @param {AbortSignal} signal */
  return async (query, page, signal) => cut(select(await read(signal), query, valueOf, searched), page);
}

/**
 * @template Item
 * @param {Item[]} items
 * @param {Page} page
 */
function cut(items, { offset, limit }) {
  return { items: items.slice(offset, offset + limit), total: items.length };
}

/**
 * A field of an item, also of what it holds ("user.name").
 * @param {any} item
 * @param {string} field
 */
export function fieldOf(item, field) {
  return field.split(".").reduce((value, name) => value?.[name], item);
}
