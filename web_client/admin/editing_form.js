/**
 * The form of an object that is there, or of a new one: what others saved meanwhile is shown beside what was entered, and
 * nothing of either is lost.
 */

import { ApiError } from "../api/client.js";
import { differences, resolveConflict } from "../ui/conflict.js";
import { Form } from "../ui/form.js";
import { formTexts, wrongOf } from "./object_panel.js";
import { t } from "./strings.js";

/** @typedef {Record<string, any>} Values */
/** @typedef {import("../ui/form.js").Wrong} Wrong */

/**
 * @typedef {object} Parts
 * @property {import("../ui/form.js").Field[]} fields
 * @property {Values} before as they were read
 * @property {number | undefined} revision of the object as it was read
 * @property {(current: any) => Values} valuesOf what the API calls `current`
 * @property {(values: Values, revision: number | undefined) => Promise<unknown>} send
 * @property {(values: Values) => void} saved
 * @property {() => void} cancel
 * @property {string} [name] of the object; without it the field of that name says it
 * @property {Values} [values] what the form shows at first, if that is more than `before`
 * @property {string} [submit]
 * @property {(values: Values) => Wrong | null | undefined} [check] what is wrong before anybody is asked
 */

/** @param {Parts} parts */
export function editingForm(parts) {
  const { before, check } = parts;
  return new Form({
    fields: parts.fields, values: parts.values ?? before, texts: formTexts(parts.submit),
    send: async (values) => check?.(values) ?? save(parts, before, values, parts.revision),
    cancel: parts.cancel,
  });
}

/**
 * Sends what was entered. What is wrong with a field comes back; anything else is said in the form as well.
 * @param {Parts} parts
 * @param {Values} before
 * @param {Values} values
 * @param {number | undefined} revision
 * @returns {Promise<Wrong | null>}
 */
async function save(parts, before, values, revision) {
  try {
    await parts.send(values, revision);
    parts.saved(values);
    return null;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // A broker of the release before knows no revisions: there the last one wins.
    if (error.field === "revision") return save(parts, before, values, undefined);
    if (error.code !== "changed_meanwhile" || error.current === undefined) return wrongOf(error);
    const current = /** @type {any} */ (error.current);
    const theirs = { ...before, ...parts.valuesOf(current) };
    const merged = await mergedWith(parts, before, theirs, values);
    if (merged === null) return { field: "", message: t("conflict.title", { name: parts.name ?? values.name }) };
    return save(parts, theirs, merged, current.revision);
  }
}

/**
 * @param {Parts} parts
 * @param {Values} before
 * @param {Values} theirs
 * @param {Values} values
 */
function mergedWith({ name, fields }, before, theirs, values) {
  // Nobody else touched what is shown here: nothing needs asking.
  if (differences(before, theirs, values).every(({ state }) => state === "mine")) return values;
  return resolveConflict({
    title: t("conflict.title", { name: name ?? values.name }), explanation: t("conflict.explanation"), texts: conflictTexts(), before, theirs, mine: values,
    label: (field) => fields.find((each) => each.name === field)?.label ?? field,
  });
}

function conflictTexts() {
  return {
    field: t("conflict.field"), before: t("conflict.before"), theirs: t("conflict.theirs"), mine: t("conflict.mine"),
    takeTheirs: t("conflict.take.theirs"), takeMine: t("conflict.take.mine"), save: t("conflict.save"), cancel: t("ask.cancel"),
  };
}
