/** The part of an application's form that names an existing desktop in place of a program (docs/desktops.md). Pure. */

import { t } from "../strings.js";

/**
 * @typedef {object} Desktop
 * @property {string} display
 * @property {"ask" | "own" | "none"} consent
 * @property {string} account
 * @property {boolean} view_only
 * @property {boolean} shared
 * @property {number} answer_seconds
 */
/** @typedef {Record<string, any>} Values */

/** @type {Desktop} */
const PLAIN = { display: "console", consent: "ask", account: "{user}", view_only: false, shared: false, answer_seconds: 30 };
const NAMES = /** @type {(keyof Desktop)[]} */ (Object.keys(PLAIN));

/** @param {Desktop | null | undefined} desktop @returns {Values} */
export function desktopValues(desktop) {
  const values = { ...PLAIN, ...desktop };
  return Object.fromEntries(NAMES.map((name) => [`desktop.${name}`, values[name]]));
}

/** @param {Values} values */
export function isDesktop(values) {
  return values.runs === "desktop";
}

/** @param {Values} values @returns {Desktop} */
export function desktopBody(values) {
  const said = Object.fromEntries(NAMES.map((name) => {
    const value = values[`desktop.${name}`];
    return [name, typeof value === "string" ? value.trim() || PLAIN[name] : value ?? PLAIN[name]];
  }));
  return /** @type {Desktop} */ (said);
}

/** @param {Desktop} desktop */
export function desktopText({ display, consent }) {
  return t(`desktop.text.${consent}`, { display });
}

/** @returns {import("../../ui/form.js").Field[]} */
export function desktopFields() {
  /** @type {import("../../ui/form.js").Field[]} */
  const fields = [
    { name: "desktop.display", label: t("desktop.display"), kind: "text", hint: t("desktop.display.hint"), attributes: { maxlength: "16", autocapitalize: "none", spellcheck: "false" } },
    { name: "desktop.consent", label: t("desktop.consent"), kind: "choice", options: ["ask", "own", "none"].map((value) => ({ value, title: t(`desktop.consent.${value}`) })), hint: t("desktop.consent.hint") },
    { name: "desktop.account", label: t("desktop.account"), kind: "text", hint: t("desktop.account.hint", { user: "{user}" }), attributes: { maxlength: "256", autocapitalize: "none", spellcheck: "false" }, when: (values) => isDesktop(values) && values["desktop.consent"] === "own" },
    { name: "desktop.answer_seconds", label: t("desktop.answer_seconds"), kind: "number", hint: t("desktop.answer_seconds.hint"), attributes: { min: "5", max: "300", step: "1" } },
    { name: "desktop.view_only", label: t("desktop.view_only"), kind: "flag", hint: t("desktop.view_only.hint") },
    { name: "desktop.shared", label: t("desktop.shared"), kind: "flag", hint: t("desktop.shared.hint") },
  ];
  return fields.map((field) => ({ when: isDesktop, ...field }));
}
