/** A text field that suggests names of users, applications, groups or hosts as one types. What is typed counts, suggested or not. */

import { ApiError } from "../api/client.js";
import { h } from "../ui/dom.js";

/** @typedef {import("../api/client.js").Client} Client */

const PAUSE_MS = 150;
const MOST = 20;
let count = 0;

/**
 * @param {Client} client
 * @param {string} list such as `/admin/users`
 * @param {Record<string, string | boolean | ((event: any) => void)>} [properties] of the field
 */
export function suggestField(client, list, properties = {}) {
  const options = h("datalist", { id: `suggestions-${++count}` });
  const input = h("input", {
    type: "text", autocomplete: "off", spellcheck: "false", autocapitalize: "off", list: options.id, ...properties,
  });
  let timer = 0;
  let asking = new AbortController();

  async function suggest() {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    try {
      const names = await namesLike(client, list, input.value, signal);
      if (!signal.aborted) options.replaceChildren(...names.map((value) => h("option", { value })));
    } catch (error) {
      // Names can be typed without suggestions as well.
      if (!(error instanceof ApiError)) throw error;
    }
  }

  input.addEventListener("focus", () => options.childElementCount === 0 && suggest(), { once: true });
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(suggest, PAUSE_MS);
  });
  return { input, options };
}

/**
 * @param {Client} client
 * @param {string} list
 * @param {string} text
 * @param {AbortSignal} signal
 * @returns {Promise<string[]>}
 */
async function namesLike(client, list, text, signal) {
  const query = new URLSearchParams({ search: text, limit: String(MOST), sort: "name" });
  const { items } = await client.get(`${list}?${query}`, signal);
  return items.map((/** @type {{name: string}} */ { name }) => name).slice(0, MOST);
}
