/** Changes of the configuration as they are told: who, when, why, and each field from what to what. */

import { h } from "../ui/dom.js";
import { badge } from "./cells.js";
import { t } from "./strings.js";
import { objectAddress } from "./walkthrough_rules.js";

/** @typedef {{field: string, from: unknown, to: unknown}} FieldChange */
/**
 * @typedef {{revision: number, time: number, author: string, reason?: string, kind: string, name: string,
 *   action: "create" | "change" | "delete", fields?: FieldChange[]}} Entry
 */
/** @typedef {{action: "create" | "change" | "delete", kind: string, name: string, fields?: FieldChange[]}} Change */

const MOST_SHOWN = 200;
const WORDS = {
  change: { create: "change.create", change: "change.change", delete: "change.delete" },
  plan: { create: "plan.create", change: "plan.change", delete: "plan.delete" },
};
const BADGES = /** @type {const} */ ({ create: "ok", change: "busy", delete: "bad" });

/**
 * What is changed, as a link where it still exists.
 * @param {Change} change
 * @param {(address: string) => boolean} mayOpen
 * @param {"change" | "plan"} [tense] whether it was done or would be
 */
export function changedObject({ action, kind, name }, mayOpen, tense = "change") {
  const address = action === "delete" ? "" : objectAddress(`${kind}:${name}`);
  const shown = h("bdi", {}, name);
  return h("span", { class: "changed-object" }, badge(BADGES[action], t(WORDS[tense][action])), ` ${kind} `,
    address !== "" && mayOpen(address) ? h("a", { href: address }, shown) : h("strong", {}, shown));
}

/** @param {unknown} value */
function isThere(value) {
  return value !== null && value !== undefined && value !== "" && !(Array.isArray(value) && value.length === 0);
}

/** @param {FieldChange[]} fields */
export function fieldChanges(fields) {
  if (fields.length === 0) return null;
  return h("dl", { class: "field-changes" }, ...fields.flatMap(({ field, from, to }) => [
    h("dt", {}, field),
    h("dd", {}, isThere(from) && h("del", {}, valueText(from, field)), " ",
      isThere(to) && h("ins", {}, valueText(to, field))),
  ]));
}

/**
 * What is planned, object by object.
 * @param {Change[]} changes
 * @param {(address: string) => boolean} mayOpen
 */
export function changeList(changes, mayOpen) {
  const rest = changes.length - MOST_SHOWN;
  return h("ul", { class: "change-list" }, ...changes.slice(0, MOST_SHOWN).map((change) =>
    h("li", {}, changedObject(change, mayOpen, "plan"), fieldChanges(change.fields ?? []))),
  rest > 0 && h("li", { class: "hint" }, t("plan.more", { count: rest })));
}

/** History names authors with their id: the id is for those who look closer. @param {string} author */
export function authorText(author) {
  const [, name = author, id = "", more = ""] = /^(.*) \(([0-9a-f]{16})(, [a-z]+)?\)$/s.exec(author) ?? [];
  return h("span", { title: id }, h("bdi", {}, name), more !== "" && h("span", { class: "hint" }, more));
}

/**
 * @param {unknown} value
 * @param {string} [field] whose value it is
 */
export function valueText(value, field = "") {
  if (typeof value === "number" && /(^|[._])expires$/.test(field)) return new Date(value * 1000).toLocaleString();
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value.join(", ");
  if (typeof value === "string") return value === "" ? "\u201c\u201d" : value;
  return JSON.stringify(value) ?? "";
}

/** @param {number} time Unix seconds */
export function moment(time) {
  const date = new Date(time * 1000);
  return h("time", { datetime: date.toISOString() }, date.toLocaleString());
}
