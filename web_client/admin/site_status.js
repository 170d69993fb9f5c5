/** The state of the whole site, for those who may see it: what lists of machines add to each row. */

import { ApiError } from "../api/client.js";

/** Screens that refresh with the feed ask often; the site does not change that fast. */
const FRESH_MS = 1000;

/** @typedef {Record<string, any>} Row */

export class SiteStatus {
  #context;
  #askedAt = 0;
  /** @type {Promise<Record<string, any>> | null} */
  #answer = null;

  /** @param {import("./context.js").Context} context */
  constructor(context) {
    this.#context = context;
  }

  /** {} for those who may not see it. @returns {Promise<Record<string, any>>} */
  read() {
    if (this.#answer === null || Date.now() - this.#askedAt > FRESH_MS) {
      this.#askedAt = Date.now();
      this.#answer = this.#ask();
    }
    return this.#answer;
  }

  async #ask() {
    // A broker of the release before has one permission for all.
    const { permissions } = this.#context.login;
    if (permissions && !permissions.includes("platform.site.read")) return {};
    try {
      return await this.#context.get("/status");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return {}; // the lists themselves are there without it
    }
  }

  /**
   * Each item with what the state says of its name.
   * @template {{name: string}} Item
   * @param {Item[]} items
   * @param {"hosts" | "gateways" | "brokers"} kind
   * @returns {Promise<(Item & Row)[]>}
   */
  async joined(items, kind) {
    const rows = /** @type {Row[]} */ ((await this.read())[kind] ?? []);
    const byName = new Map(rows.map((row) => [row.name, row]));
    return items.map((item) => ({ ...byName.get(item.name), ...item }));
  }
}
