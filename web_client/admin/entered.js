/**
 * Acting in an organisation that was entered: this window alone, until the entry is over or left.
 *
 * The whole console is loaded anew on the way in and out: nothing of one organisation stays on screen in the other.
 */

import { h } from "../ui/dom.js";
import { t } from "./strings.js";

/** @typedef {import("../api/client.js").Client} Client */

const KEY = "portcullis-entered";

/** @returns {{name: string, until: number} | null} `until`: Unix seconds */
export function entered() {
  const kept = sessionStorage.getItem(KEY);
  if (kept === null) return null;
  const { name, until } = JSON.parse(kept);
  if (until * 1000 > Date.now()) return { name, until };
  sessionStorage.removeItem(KEY);
  return null;
}

/**
 * @param {string} name
 * @param {number} until
 */
export function enter(name, until) {
  sessionStorage.setItem(KEY, JSON.stringify({ name, until }));
  reload("#/");
}

/**
 * @param {Client} client
 * @param {string} name
 */
export async function leave(client, name) {
  await client.change("DELETE", `/platform/tenants/${encodeURIComponent(name)}/entry`);
  forget();
}

/** Without ending the entry, which may be over. */
export function forget() {
  sessionStorage.removeItem(KEY);
  reload("#/tenants");
}

/** @param {string} address */
function reload(address) {
  history.replaceState(null, "", address);
  location.reload();
}

/**
 * Stands above everything while another organisation is acted in.
 * @param {Client} client
 * @param {{name: string, until: number}} entry
 */
export function enteredBanner(client, { name, until }) {
  const time = new Date(until * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  setTimeout(forget, Math.max(0, until * 1000 - Date.now()));
  return h("aside", { class: "entered", "aria-label": t("entered.label") }, h("span", {}, h("bdi", {}, t("entered.text", { name, time }))),
    h("button", { type: "button", class: "small", click: () => leave(client, name) }, t("tenants.leave")));
}
