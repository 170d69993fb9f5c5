/** The roles there are, as a field: the built-in ones at once, the tenant's own as soon as they are known. */

import { ApiError } from "../../api/client.js";
import { choiceField } from "../../ui/form_fields.js";
import { h } from "../../ui/dom.js";
import { roleText } from "./user_rules.js";

const BUILT_IN = ["user", "administrator", "help_desk", "auditor"];

/**
 * @param {import("../context.js").Context} context
 * @returns {(parts: import("../../ui/form_fields.js").FieldParts) => import("../../ui/form_fields.js").Control}
 */
export function roleChoices(context) {
  return (parts) => {
    const known = new Set([...BUILT_IN, parts.value]);
    const field = choiceField({ ...parts, options: Array.from(known, (value) => ({ value, title: roleText(value) })) });
    if (context.may("roles.read")) addOwn(context, /** @type {HTMLSelectElement} */ (field.focusable), known);
    return field;
  };
}

/**
 * @param {import("../context.js").Context} context
 * @param {HTMLSelectElement} select
 * @param {Set<string>} known
 */
async function addOwn(context, select, known) {
  try {
    const { items } = await context.get("/roles");
    const own = items.map((/** @type {{name: string}} */ { name }) => name).filter((/** @type {string} */ name) => !known.has(name));
    select.append(...own.map((/** @type {string} */ value) => h("option", { value }, value)));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error; // the built-in ones can be chosen all the same
  }
}
