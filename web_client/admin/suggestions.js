/** Names that a form offers: read when they are first asked for, and no more than a person can choose from. */

const MOST = "1000";

/** @type {Record<string, {path: string, needs: string, namesOf: (items: any[]) => string[]}>} */
const SOURCES = {
  groups: { path: "/groups", needs: "groups.read", namesOf: (items) => items.map(({ name }) => name) },
  users: { path: "/users", needs: "users.read", namesOf: (items) => items.map(({ name }) => name) },
  hostGroups: { path: "/hosts", needs: "hosts.read", namesOf: (items) => items.flatMap(({ groups = [] }) => groups) },
  hosts: { path: "/hosts", needs: "hosts.read", namesOf: (items) => items.map(({ name }) => name) },
  applications: { path: "/applications", needs: "applications.read", namesOf: (items) => items.map(({ name }) => name) },
};

export class Suggestions {
  #context;
  /** @type {Map<string, Promise<any[]>>} */
  #asked = new Map();
  /** @type {Map<string, string[]>} */
  #known = new Map();

  /** @param {import("./context.js").Context} context */
  constructor(context) {
    this.#context = context;
  }

  /** Those that are known by now. @param {string} kind */
  of(kind) {
    const { path, needs, namesOf } = SOURCES[kind];
    if (!this.#context.may(needs)) return [];
    if (!this.#asked.has(path)) this.#asked.set(path, this.#read(path));
    this.#asked.get(path)?.then((items) => this.#known.set(kind, Array.from(new Set(namesOf(items))).sort()));
    return this.#known.get(kind) ?? [];
  }

  /** Nothing depends on it: without an answer nothing is offered. @param {string} path */
  async #read(path) {
    try {
      return (await this.#context.get(`${path}?limit=${MOST}`)).items;
    } catch {
      this.#asked.delete(path);
      return [];
    }
  }
}
