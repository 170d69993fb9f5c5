/** What cells of lists and facts of panels are made of. A state is never told by its colour alone. */

import { h } from "../ui/dom.js";
import { elapsedText } from "../app/catalogue_rules.js";

/**
 * @param {"ok" | "warn" | "bad" | "off" | "busy"} kind
 * @param {string} text
 */
export function badge(kind, text) {
  return h("span", { class: `badge ${kind}` }, text);
}

/**
 * @param {string[]} all
 * @param {string} none what stands where there is none
 */
export function names(all, none) {
  if (all.length === 0) return h("span", { class: "muted" }, none);
  return h("span", { class: "tags" }, ...all.map((name) => h("bdi", { class: "tag" }, name)));
}

/**
 * A time past in words, with the exact one at hand.
 * @param {number} seconds unix
 */
export function ago(seconds) {
  const date = new Date(seconds * 1000);
  return h("time", { datetime: date.toISOString(), title: date.toLocaleString() }, elapsedText(Date.now() / 1000 - seconds, navigator.language));
}

/**
 * How much of something is used.
 * @param {number} used
 * @param {number} of
 * @param {string} text
 */
export function meter(used, of, text) {
  const share = of > 0 ? Math.min(1, used / of) : 0;
  const fill = h("span", { class: share >= 1 ? "full" : share >= 0.8 ? "high" : "" });
  fill.style.width = `${(share * 100).toFixed(1)}%`;
  return h("span", { class: "meter" }, h("span", { class: "meter-bar", "aria-hidden": "true" }, fill), h("span", {}, text));
}

/**
 * Facts as a definition list.
 * @param {[string, Node | string | null | undefined | false][]} all those without a value are left out
 */
export function facts(all) {
  return h("dl", { class: "facts" }, ...all.flatMap(([name, value]) =>
    (value === null || value === undefined || value === false || value === "" ? [] : [h("dt", {}, name), h("dd", {}, typeof value === "string" ? h("bdi", {}, value) : value)])));
}

/** @param {number} bytes */
export function bytesText(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${value.toLocaleString(undefined, { maximumFractionDigits: value < 10 ? 1 : 0 })} ${units[unit]}`;
}
