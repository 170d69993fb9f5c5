/** How users read. */

import { badge } from "../cells.js";
import { STRINGS, t } from "../strings.js";

/**
 * @typedef {object} User
 * @property {string} id
 * @property {string} name
 * @property {string} role
 * @property {string[]} groups
 * @property {boolean} disabled
 * @property {"enrolled" | "factor_off" | "invited" | "invitation_expired" | "disabled"} state
 * @property {number | null} invited_until
 * @property {boolean} [platform]
 * @property {number} [revision]
 */

/** @type {Record<string, "ok" | "warn" | "bad" | "off" | "busy">} */
const KINDS = { enrolled: "ok", factor_off: "bad", invited: "busy", invitation_expired: "warn", disabled: "off" };

/** @param {User} user */
export function stateBadge({ state }) {
  return badge(KINDS[state] ?? "off", STRINGS[`users.state.${state}`] ?? state);
}

/** The built-in ones have names of their own here; a tenant's has the name that it was given. @param {string} role */
export function roleText(role) {
  return STRINGS[`users.role.${role}`] ?? role;
}

/** @param {User} user */
export function valuesOf({ groups, role }) {
  return { groups, role };
}

/** A list of names for a question, no longer than one reads. @param {{name: string}[]} all */
export function namesText(all) {
  const shown = all.slice(0, 6).map(({ name }) => name).join(", ");
  return all.length > 6 ? `${shown} ${t("more", { count: all.length - 6 })}` : shown;
}
