/** Icons of what is installed on hosts: fetched when they come into view, a few at a time, kept while the screen is open. */

import { ApiError } from "../../api/client.js";
import { iconOf } from "../../ui/icon.js";
import { h } from "../../ui/dom.js";

/** @typedef {import("./installed_rules.js").Installed} Installed */
/** @typedef {{content_type: string, data: string}} Content */

/** The most that one answer holds (docs/api.md). */
const AT_ONCE = 12;
/** Rows that come into view together are asked about together. */
const GATHERING_MS = 40;

export class InstalledIcons {
  #context;
  /** By host and id; null: it has none. @type {Map<string, Promise<Content | null>>} */
  #asked = new Map();
  /** @type {Map<string, {item: Installed, answered: (content: Content | null) => void}>} */
  #waiting = new Map();
  /** @type {Map<Content, string>} */
  #urls = new Map();
  #timer = 0;
  #busy = false;
  #stopping = new AbortController();

  /** @param {import("../context.js").Context} context */
  constructor(context) {
    this.#context = context;
  }

  stop() {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    for (const { answered } of this.#waiting.values()) answered(null);
    for (const url of this.#urls.values()) URL.revokeObjectURL(url);
  }

  /** A letter until it is there. @param {Installed} item */
  element(item) {
    const place = h("span", { class: "icon-place" }, iconOf({ name: item.name, icon: null }));
    if (item.icon) this.content(item).then((content) => content && !this.#stopping.signal.aborted && place.replaceChildren(iconOf({ name: item.name, icon: this.#url(content) })));
    return place;
  }

  /** @param {Installed} item @returns {Promise<Content | null>} */
  content(item) {
    const key = `${item.host}\n${item.id}`;
    const known = this.#asked.get(key);
    if (known) return known;
    /** @type {Promise<Content | null>} */
    const asked = new Promise((answered) => this.#waiting.set(key, { item, answered }));
    this.#asked.set(key, asked);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), GATHERING_MS);
    return asked;
  }

  /** One question after the other: a host draws few at a time. */
  async #ask() {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#waiting.size > 0 && !this.#stopping.signal.aborted) {
      const [{ item: { host } }] = this.#waiting.values();
      const some = Array.from(this.#waiting).filter(([, { item }]) => item.host === host).slice(0, AT_ONCE);
      for (const [key] of some) this.#waiting.delete(key);
      const found = await this.#read(host, some.map(([, { item }]) => item.id));
      for (const [, { item, answered }] of some) answered(found.get(item.id) ?? null);
    }
    this.#busy = false;
  }

  /**
   * Nothing depends on it: what does not come has a letter.
   * @param {string} host
   * @param {string[]} ids
   * @returns {Promise<Map<string, Content>>}
   */
  async #read(host, ids) {
    const query = new URLSearchParams([["host", host], ...ids.map((id) => ["application", id])]);
    try {
      const { items } = await this.#context.get(`/installed/icons?${query}`, this.#stopping.signal);
      return new Map(items.map((/** @type {{id: string, icon: Content}} */ { id, icon }) => [id, icon]));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return new Map();
    }
  }

  /** @param {Content} content */
  #url(content) {
    const known = this.#urls.get(content);
    if (known) return known;
    const bytes = Uint8Array.from(atob(content.data), (character) => character.charCodeAt(0));
    const url = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
    this.#urls.set(content, url);
    return url;
  }
}
