/** Names that a field or a filter offers: those that the broker finds, no more than a person can choose from. */

import { ApiError } from "../api/client.js";

const FEW = "50";
const MANY = "1000";

/** @type {Record<string, {path: string, needs: string, namesOf: (items: any[]) => string[]}>} */
const SOURCES = {
  groups: { path: "/groups", needs: "groups.read", namesOf: (items) => items.map(({ name }) => name) },
  users: { path: "/users", needs: "users.read", namesOf: (items) => items.map(({ name }) => name) },
  hosts: { path: "/hosts", needs: "hosts.read", namesOf: (items) => items.map(({ name }) => name) },
  hostGroups: { path: "/hosts", needs: "hosts.read", namesOf: (items) => items.flatMap(({ groups = [] }) => groups) },
  applications: { path: "/applications", needs: "applications.read", namesOf: (items) => items.map(({ name }) => name) },
};

export class Suggestions {
  #context;
  /** @type {Map<string, string[]>} */
  #known = new Map();

  #arrived;

  /**
   * @param {import("./context.js").Context} context
   * @param {() => void} [arrived] those of a filter have come
   */
  constructor(context, arrived = () => {}) {
    this.#context = context;
    this.#arrived = arrived;
  }

  /** Those that are known by now, for a filter; asked for with the first look. @param {string} kind */
  of(kind) {
    if (!this.#known.has(kind)) {
      this.#known.set(kind, []);
      this.#read(kind, new URLSearchParams({ limit: MANY })).then((names) => {
        this.#known.set(kind, names);
        this.#arrived();
      });
    }
    return this.#known.get(kind) ?? [];
  }

  /**
   * Those that hold what was typed.
   * @param {string} kind
   * @param {string} typed
   */
  async like(kind, typed) {
    const names = await this.#read(kind, new URLSearchParams({ search: typed.trim(), limit: FEW }));
    return names.filter((name) => name.toLowerCase().includes(typed.trim().toLowerCase()));
  }

  /**
   * Nothing depends on it: without an answer nothing is offered.
   * @param {string} kind
   * @param {URLSearchParams} query
   */
  async #read(kind, query) {
    const { path, needs, namesOf } = SOURCES[kind];
    if (!this.#context.may(needs)) return [];
    try {
      const { items } = await this.#context.get(`${path}?${query}`);
      return Array.from(new Set(namesOf(items))).sort();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return [];
    }
  }
}
