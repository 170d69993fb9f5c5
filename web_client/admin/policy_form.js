/** The form of a policy: a field each, with whether it is set here and whether it is locked. Errors stand at their fields. */

import { h } from "../ui/dom.js";
import { policyControl, policyText } from "./policy_fields.js";
import { prose } from "./prose.js";
import { STRINGS, t } from "./strings.js";

/** @typedef {import("../ui/form.js").Wrong} Wrong */
/** @typedef {import("../ui/form_fields.js").Control} Control */
/** @typedef {{name: string, kind: string, default: any, meaning: string, expected: string, choices: string[]}} PolicyField */
/** @typedef {{control: Control, isSet: HTMLInputElement, isLocked: HTMLInputElement, error: HTMLElement, label: string}} Row */

let forms = 0;

export class PolicyForm {
  #id = `policy-${++forms}`;
  /** @type {Map<string, Row>} */
  #rows = new Map();
  #summary = h("div", { class: "form-summary", role: "alert", tabindex: "-1", hidden: true });
  #submit = h("button", { type: "submit", class: "primary" }, t("form.save"));
  #before;

  /**
   * @param {PolicyField[]} fields
   * @param {{values: Record<string, any>, locked: string[]}} policy
   * @param {object} acts
   * @param {(values: Record<string, any>, locked: string[]) => Promise<Wrong | null>} acts.send
   * @param {() => void} acts.cancel
   */
  constructor(fields, { values, locked }, { send, cancel }) {
    this.element = h("form", { class: "form policy-form", novalidate: true, submit: (event) => this.#submitted(event, send) },
      this.#summary, ...fields.map((field) => this.#field(field, values, locked)),
      h("div", { class: "buttons form-buttons" }, this.#submit, h("button", { type: "button", click: cancel }, t("form.cancel"))));
    this.#before = this.#state;
  }

  get isChanged() {
    return this.#state !== this.#before;
  }

  get #state() {
    return JSON.stringify([this.values, this.locked]);
  }

  /** @returns {Record<string, any>} those that are set here */
  get values() {
    return Object.fromEntries(Array.from(this.#rows).filter(([, { isSet }]) => isSet.checked).map(([name, { control }]) => [name, control.read()]));
  }

  get locked() {
    return Array.from(this.#rows).filter(([, { isLocked }]) => isLocked.checked).map(([name]) => name);
  }

  /**
   * @param {PolicyField} field
   * @param {Record<string, any>} values
   * @param {string[]} locked
   */
  #field(field, values, locked) {
    const { name, kind, meaning } = field;
    const id = `${this.#id}-${name}`;
    const label = STRINGS[`policy.${name}`] ?? name;
    const value = name in values ? values[name] : field.default;
    const control = policyControl(field, { id: `${id}-value`, value, changed: () => this.#corrected(name) });
    const isSet = h("input", { type: "checkbox", id: `${id}-set`, checked: name in values, change: () => show() });
    const isLocked = h("input", { type: "checkbox", id: `${id}-lock`, checked: locked.includes(name) });
    const error = h("p", { class: "field-error", id: `${id}-error`, hidden: true });
    const unset = h("p", { class: "muted" }, t("policies.unset", { value: policyText(kind, field.default) }));
    const box = h("div", { class: "policy-value" }, control.element);
    const show = () => {
      box.hidden = !isSet.checked;
      unset.hidden = isSet.checked;
    };
    if (!(control.focusable instanceof HTMLButtonElement)) control.focusable.setAttribute("aria-label", label);
    control.focusable.setAttribute("aria-describedby", `${id}-meaning ${error.id}`);
    show();
    this.#rows.set(name, { control, isSet, isLocked, error, label });
    return h("fieldset", { class: "policy-field" }, h("legend", {}, label),
      h("p", { class: "hint", id: `${id}-meaning` }, prose(meaning)),
      h("div", { class: "policy-flags" }, check(isSet, t("policies.set")), check(isLocked, t("policies.lock"))), unset, error, box);
  }

  /**
   * @param {Event} event
   * @param {(values: Record<string, any>, locked: string[]) => Promise<Wrong | null>} send
   */
  async #submitted(event, send) {
    event.preventDefault();
    if (this.#submit.getAttribute("aria-busy") === "true") return;
    this.#submit.setAttribute("aria-busy", "true");
    this.#summary.hidden = true;
    for (const name of this.#rows.keys()) this.#corrected(name);
    try {
      const wrong = await send(this.values, this.locked);
      if (wrong !== null) this.#show(wrong);
    } finally {
      this.#submit.setAttribute("aria-busy", "false");
    }
  }

  /** @param {Wrong} wrong `field`: such as `values.hours[0].to` */
  #show({ field, message }) {
    const name = /^values\.(\w+)/.exec(field)?.[1] ?? "";
    const row = this.#rows.get(name);
    this.#summary.replaceChildren(h("strong", {}, t("form.wrong")), h("p", {}, row ? `${row.label}: ${message}` : message));
    this.#summary.hidden = false;
    if (row) {
      row.error.textContent = message;
      row.error.hidden = false;
      row.control.focusable.setAttribute("aria-invalid", "true");
    }
    this.#summary.focus();
  }

  /** @param {string} name */
  #corrected(name) {
    const row = this.#rows.get(name);
    if (row === undefined || row.error.hidden) return;
    row.error.hidden = true;
    row.control.focusable.removeAttribute("aria-invalid");
  }
}

/**
 * @param {HTMLInputElement} box
 * @param {string} text
 */
function check(box, text) {
  return h("span", { class: "flag-line" }, box, h("label", { for: box.id }, text));
}
