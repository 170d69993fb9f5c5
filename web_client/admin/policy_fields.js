/** The values of policies as fields of a form, by their kind, and as text. */

import { choiceField, linesField, numberField } from "../ui/form_fields.js";
import { h } from "../ui/dom.js";
import { STRINGS, t } from "./strings.js";

/** @typedef {import("../ui/form_fields.js").Control} Control */
/** @typedef {import("../ui/form_fields.js").FieldParts} FieldParts */
/** @typedef {{days: string[], from: string, to: string}} Window */

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** @type {Map<string, (parts: FieldParts) => Control>} */
const KINDS = new Map(Object.entries({ networks: linesField, minutes: wholeField, count: wholeField, choice: choiceField, hours: hoursField, time_zone: zoneField }));

/**
 * @param {object} field
 * @param {string} field.kind
 * @param {string[]} [field.choices]
 * @param {FieldParts} parts
 * @returns {Control}
 */
export function policyControl({ kind, choices = [] }, parts) {
  const options = choices.map((value) => ({ value, title: choiceText(value) }));
  return (KINDS.get(kind) ?? jsonField)({ ...parts, options });
}

/** @param {string} value */
function choiceText(value) {
  return STRINGS[`policy.choice.${value}`] ?? value;
}

/** @param {FieldParts} parts */
function wholeField(parts) {
  return numberField({ ...parts, attributes: { step: "1", ...parts.attributes } });
}

/** @param {FieldParts} parts @returns {Control} */
function zoneField({ id, value, changed }) {
  const zones = h("datalist", { id: `${id}-zones` }, ...Intl.supportedValuesOf("timeZone").map((zone) => h("option", { value: zone })));
  const input = h("input", { type: "text", id, list: zones.id, autocomplete: "off", spellcheck: "false", input: changed });
  input.value = value ?? "";
  return { element: h("div", {}, input, zones), focusable: input, read: () => input.value.trim() };
}

/** Of a kind that a newer broker knows. @param {FieldParts} parts @returns {Control} */
function jsonField({ id, value, changed }) {
  const area = h("textarea", { id, rows: "2", spellcheck: "false", input: changed });
  area.value = JSON.stringify(value ?? null);
  const read = () => {
    try {
      return JSON.parse(area.value);
    } catch {
      return area.value; // the broker says what it expected
    }
  };
  return { element: area, focusable: area, read };
}

/** Windows of time, a row each. @param {FieldParts} parts @returns {Control} */
function hoursField({ id, value, changed }) {
  const rows = h("div", { class: "hours-rows" });
  const add = h("button", { type: "button", id, class: "small", click: () => {
    insert({ days: DAYS.slice(0, 5), from: "08:00", to: "18:00" });
    rows.lastElementChild?.querySelector("input")?.focus();
    changed();
  } }, t("policy.hours.add"));

  /** @param {Window} window */
  function insert(window) {
    const row = h("fieldset", { class: "hours-row", change: changed }, h("legend", { class: "visually-hidden" }, t("policy.hours.window")),
      h("span", { class: "hours-days" }, ...DAYS.map((day) => h("label", { class: "day" },
        h("input", { type: "checkbox", value: day, checked: window.days.includes(day) }), h("span", {}, t(`day.${day}`))))),
      clock("from", window.from), clock("to", window.to),
      h("button", { type: "button", class: "small quiet", "aria-label": t("policy.hours.remove"), click: () => {
        row.remove();
        add.focus();
        changed();
      } }, "×"));
    rows.append(row);
  }

  for (const each of value ?? []) insert(each);
  return { element: h("div", { class: "hours" }, rows, add), focusable: add, read: () => [...rows.children].map(readWindow) };
}

/**
 * A text, for no field for times knows 24:00.
 * @param {string} name
 * @param {string} value
 */
function clock(name, value) {
  return h("input", { type: "text", class: "clock", name, value, inputmode: "numeric", maxlength: "5", size: "5", autocomplete: "off",
    "aria-label": t(`policy.hours.${name}`) });
}

/** @param {Element} row @returns {Window} */
function readWindow(row) {
  const days = [...row.querySelectorAll("input[type=checkbox]")].map((box) => /** @type {HTMLInputElement} */ (box));
  const text = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (row.querySelector(`[name=${name}]`)).value.trim();
  return { days: days.filter(({ checked }) => checked).map(({ value }) => value), from: text("from"), to: text("to") };
}

/**
 * A value as people read it.
 * @param {string} kind
 * @param {any} value
 */
export function policyText(kind, value) {
  if (kind === "choice") return choiceText(String(value));
  if (kind === "networks") return value.length > 0 ? value.join(", ") : t("policy.any");
  if (kind === "hours") return value.length > 0 ? value.map(windowText).join("; ") : t("policy.always");
  if (kind === "minutes") return value > 0 ? t("policy.minutes", { count: value }) : t("policy.never");
  if (value === null || value === undefined) return t("policy.setting");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** @param {Window} window */
function windowText({ days, from, to }) {
  return `${runsOf(days).map(([first, last]) => (first === last ? dayText(first) : `${dayText(first)}–${dayText(last)}`)).join(", ")} ${from}–${to}`;
}

/** Days that follow on one another, as the first and the last. @param {string[]} days */
function runsOf(days) {
  /** @type {[string, string][]} */
  const runs = [];
  for (const day of days) {
    const last = runs.at(-1);
    if (last && DAYS.indexOf(last[1]) === DAYS.indexOf(day) - 1) last[1] = day;
    else runs.push([day, day]);
  }
  return runs;
}

/** @param {string} day */
function dayText(day) {
  return STRINGS[`day.${day}`] ?? day;
}
