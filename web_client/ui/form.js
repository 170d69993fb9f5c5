/**
 * A form whose errors stand at their fields: the API names a `field` and what it `expected`.
 *
 * A summary above names each error and leads to it, and has the focus after a refusal (as GOV.UK does).
 */

import { choiceField, flagField, linesField, namesField, numberField, pairsField, textField } from "./form_fields.js";
import { h } from "./dom.js";

/** @typedef {import("./form_fields.js").Control} Control */
/** @typedef {import("./form_fields.js").FieldParts} FieldParts */
/**
 * @typedef {object} Field
 * @property {string} name as the API names it: "command", "entitled.users"
 * @property {string} label
 * @property {"text" | "number" | "lines" | "pairs" | "choice" | "flag" | "names" | ((parts: FieldParts) => Control)} kind
 * @property {string} [hint]
 * @property {boolean} [isFixed]
 * @property {{value: string, title: string}[]} [options]
 * @property {(typed: string) => string[] | Promise<string[]>} [suggestions]
 * @property {Record<string, string>} [labels]
 * @property {Record<string, string>} [attributes]
 * @property {string} [group] heading under which it stands, with those that follow
 * @property {(values: Record<string, any>) => boolean} [when] whether it is shown; always, if absent. What is not shown is
 *   read all the same
 */
/** @typedef {{field: string, message: string}} Wrong */

const KINDS = { text: textField, number: numberField, lines: linesField, pairs: pairsField, choice: choiceField, flag: flagField, names: namesField };
let forms = 0;

export class Form {
  #id = `form-${++forms}`;
  #fields;
  /** @type {Map<string, {control: Control, box: HTMLElement, error: HTMLElement, heading: HTMLElement | null}>} */
  #controls = new Map();
  #summary = h("div", { class: "form-summary", role: "alert", tabindex: "-1", hidden: true });
  #submit;
  #texts;
  #busy = false;
  #before = "";
  #send;

  /**
   * @param {object} parts
   * @param {Field[]} parts.fields
   * @param {Record<string, any>} parts.values by name
   * @param {{submit: string, cancel: string, wrong: string}} parts.texts
   * @param {(values: Record<string, any>) => Promise<Wrong | null>} parts.send what is wrong, if anything is
   * @param {() => void} parts.cancel
   */
  constructor({ fields, values, texts, send, cancel }) {
    this.#fields = fields;
    this.#texts = texts;
    this.#send = send;
    this.#submit = h("button", { type: "submit", class: "primary" }, texts.submit);
    this.element = h("form", {
      class: "form", novalidate: true, submit: (event) => this.#submitted(event), keydown: (event) => this.#key(event),
    }, this.#summary, ...fields.flatMap((field) => this.#field(field, values[field.name])),
    h("div", { class: "buttons form-buttons" }, this.#submit, h("button", { type: "button", click: cancel }, texts.cancel)));
    this.#before = JSON.stringify(this.values);
    this.#showFitting();
  }

  /** @returns {Record<string, any>} */
  get values() {
    return Object.fromEntries(this.#fields.map(({ name }) => [name, this.#controls.get(name)?.control.read()]));
  }

  get isChanged() {
    return JSON.stringify(this.values) !== this.#before;
  }

  focus() {
    const first = this.#fields.find(({ isFixed }) => !isFixed);
    if (first) this.#controls.get(first.name)?.control.focusable.focus();
  }

  /** @param {Field} field @param {any} value */
  #field(field, value) {
    const id = `${this.#id}-${field.name.replaceAll(/\W/g, "-")}`;
    const make = typeof field.kind === "function" ? field.kind : KINDS[field.kind];
    const control = make({ ...field, id, value, changed: () => this.#changed(field.name) });
    const hint = field.hint ? h("p", { class: "hint", id: `${id}-hint` }, field.hint) : null;
    const error = h("p", { class: "field-error", id: `${id}-error`, hidden: true });
    control.focusable.setAttribute("aria-describedby", [hint?.id, error.id].filter(Boolean).join(" "));
    const label = h("label", { for: control.focusable.id || id }, field.label);
    const isFlag = field.kind === "flag";
    const box = h("div", { class: isFlag ? "form-field flag" : "form-field" },
      ...(isFlag ? [h("div", { class: "flag-line" }, control.element, label), hint, error] : [label, hint, error, control.element]));
    const heading = field.group ? h("h3", {}, field.group) : null;
    this.#controls.set(field.name, { control, box, error, heading });
    return heading ? [heading, box] : [box];
  }

  /** @param {string} name */
  #changed(name) {
    this.#corrected(name);
    this.#showFitting();
  }

  #showFitting() {
    const conditional = this.#fields.filter(({ when }) => when !== undefined);
    if (conditional.length === 0) return;
    const { values } = this;
    for (const { name, when } of conditional) {
      const found = this.#controls.get(name);
      const isHidden = when !== undefined && !when(values);
      if (found) found.box.hidden = isHidden;
      if (found?.heading) found.heading.hidden = isHidden;
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.element.requestSubmit();
  }

  /** @param {Event} event */
  async #submitted(event) {
    event.preventDefault();
    if (this.#busy) return;
    this.#setBusy(true);
    for (const { name } of this.#fields) this.#corrected(name);
    this.#summary.hidden = true;
    try {
      const wrong = await this.#send(this.values);
      if (wrong !== null) this.show(wrong);
    } finally {
      this.#setBusy(false);
    }
  }

  /** @param {boolean} busy */
  #setBusy(busy) {
    this.#busy = busy;
    this.#submit.setAttribute("aria-busy", String(busy));
  }

  /** @param {Wrong} wrong */
  show({ field, message }) {
    const place = this.#place(field);
    const label = this.#fields.find(({ name }) => name === place)?.label;
    const link = place === undefined ? message : h("a", { href: "#", click: (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#controls.get(place)?.control.focusable.focus();
    } }, `${label}: ${message}`);
    this.#summary.replaceChildren(h("strong", {}, this.#texts.wrong), h("p", {}, link));
    this.#summary.hidden = false;
    if (place !== undefined) this.#mark(place, message);
    this.#summary.focus();
  }

  /** Whose field "command[0]" or "entitled.users[3]" is. @param {string} field */
  #place(field) {
    const parts = [...this.#controls.keys()].filter((name) => field === name || field.startsWith(`${name}[`) || field.startsWith(`${name}.`));
    return parts.sort((a, b) => b.length - a.length)[0];
  }

  /**
   * @param {string} name
   * @param {string} message
   */
  #mark(name, message) {
    const found = this.#controls.get(name);
    if (found === undefined) return;
    found.error.textContent = message;
    found.error.hidden = false;
    found.box.classList.add("wrong");
    found.control.focusable.setAttribute("aria-invalid", "true");
  }

  /** @param {string} name */
  #corrected(name) {
    const found = this.#controls.get(name);
    if (found === undefined || found.error.hidden) return;
    found.error.hidden = true;
    found.box.classList.remove("wrong");
    found.control.focusable.removeAttribute("aria-invalid");
  }
}
