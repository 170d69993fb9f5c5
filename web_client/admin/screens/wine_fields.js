/** The part of an application's form that names a Windows program in place of one of the host (docs/wine.md). Pure. */

import { t } from "../strings.js";

/**
 * @typedef {object} Wine
 * @property {string} template
 * @property {string} program
 * @property {string[]} arguments
 */
/** @typedef {Record<string, any>} Values */

/** @param {Wine | null | undefined} wine @returns {Values} */
export function wineValues(wine) {
  return {
    "wine.template": wine?.template ?? "",
    "wine.program": wine?.program ?? "",
    "wine.arguments": wine?.arguments ?? [],
  };
}

/** @param {Values} values */
export function isWine(values) {
  return values.runs === "wine";
}

/** @param {Values} values @returns {Wine} */
export function wineBody(values) {
  return { template: values["wine.template"].trim(), program: values["wine.program"].trim(), arguments: values["wine.arguments"] };
}

/** @param {Wine} wine */
export function wineText({ template, program }) {
  return `wine:${template} ${program}`;
}

/** What is missing, as the form shows it. @param {Values} values */
export function wineMissing(values) {
  const field = ["wine.template", "wine.program"].find((name) => values[name].trim() === "");
  return field === undefined ? undefined : { field, message: t(`${field}.needed`) };
}

/** @returns {import("../../ui/form.js").Field[]} */
export function wineFields() {
  /** @type {import("../../ui/form.js").Field[]} */
  const fields = [
    { name: "wine.template", label: t("wine.template"), kind: "text", hint: t("wine.template.hint"), attributes: { maxlength: "32", autocapitalize: "none", spellcheck: "false" } },
    { name: "wine.program", label: t("wine.program"), kind: "text", hint: t("wine.program.hint"), attributes: { maxlength: "260", autocapitalize: "none", spellcheck: "false" } },
    { name: "wine.arguments", label: t("wine.arguments"), kind: "lines", hint: t("wine.arguments.hint") },
  ];
  return fields.map((field) => ({ when: isWine, ...field }));
}
