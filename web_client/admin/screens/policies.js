/** Policies: what stands at each level. What counts for somebody in the end, and why, is a screen of its own (effective). */

import { names } from "../cells.js";
import { fieldOf, shortList } from "../lists.js";
import { ListScreen } from "../list_screen.js";
import { STRINGS, t } from "../strings.js";
import { PolicyPanel } from "./policy_panel.js";

/** @typedef {"tenant" | "group" | "application" | "user"} Level */
/**
 * @typedef {object} Policy
 * @property {Level} level
 * @property {string} name
 * @property {Record<string, any>} values
 * @property {string[]} locked
 * @property {{field: string, locked_by: string}[]} ineffective
 * @property {number} revision
 */

/**
 * @param {import("../context.js").Context} context
 * @param {import("../router.js").Place} place
 */
export function open(context, place) {
  return new ListScreen(context, place, /** @type {import("../list_screen.js").Parts<Policy>} */ ({
    id: "policies",
    kinds: ["policy"],
    search: t("policies.search"),
    columns: [
      { id: "name", title: t("policies.of"), width: "minmax(8rem, 1.5fr)", text: policyName },
      { id: "level", title: t("policies.level"), width: "7.5rem", text: ({ level }) => t(`policies.level.${level}`) },
      {
        id: "values", title: t("policies.values"), width: "minmax(9rem, 2fr)", shown: "wide", sortable: false,
        text: ({ values }) => Object.keys(values).map(fieldText).join(", "), cell: ({ values }) => names(Object.keys(values).map(fieldText), ""),
      },
      {
        id: "locked", title: t("policies.locked"), width: "minmax(7rem, 1fr)", shown: "wide", sortable: false,
        text: ({ locked }) => locked.map(fieldText).join(", "), cell: ({ locked }) => names(locked.map(fieldText), ""),
      },
    ],
    load: shortList((signal) => readAll(context, signal), fieldOf, ["level", "name"]),
    key: ({ level, name }) => `${level}/${name}`,
    empty: t("policies.none"),
    create: context.may("policies.write") ? { label: t("policies.new"), name: "+" } : undefined,
    panel: (name) => new PolicyPanel(context, name),
  }));
}

/**
 * The organisation's own is always there to be opened.
 * @param {import("../context.js").Context} context
 * @param {AbortSignal} signal
 * @returns {Promise<Policy[]>}
 */
async function readAll(context, signal) {
  /** @type {{items: Policy[]}} */
  const { items } = await context.get("/policies", signal);
  const own = { level: /** @type {Level} */ ("tenant"), name: "-", values: {}, locked: [], ineffective: [], revision: 0 };
  return items.some(({ level }) => level === "tenant") ? items : [own, ...items];
}

/** @param {{level: string, name: string}} policy */
export function policyName({ level, name }) {
  return level === "tenant" ? t("policies.everybody") : name;
}

/** @param {string} field */
export function fieldText(field) {
  return STRINGS[`policy.${field}`] ?? field;
}
