/** A row of filters above a list; they stand in the address, so that a filtered list can be sent to somebody. */

import { h } from "../ui/dom.js";
import { labelled } from "./labelled.js";
import { suggestField } from "./suggest.js";
import { t } from "./strings.js";

/**
 * @typedef {object} Filter
 * @property {string} name of the parameter
 * @property {string} label
 * @property {"text" | "search" | "datetime-local" | "select"} type
 * @property {[string, string][]} [options] of a select: value, text
 * @property {string} [any] what none of them is called
 * @property {string} [suggest] a list whose names are suggested
 */

const PAUSE_MS = 300;

export class Filters {
  #filters;
  #changed;
  #timer = 0;
  /** @type {Map<string, HTMLInputElement | HTMLSelectElement>} */
  #controls = new Map();

  /**
   * @param {import("../api/client.js").Client} client
   * @param {Filter[]} filters
   * @param {URLSearchParams} parameters
   * @param {(parameters: URLSearchParams) => void} changed
   */
  constructor(client, filters, parameters, changed) {
    this.#filters = filters;
    this.#changed = changed;
    // Where there is little room they are opened by a button, unless they are in use.
    const isFolded = filters.every(({ name }) => !parameters.has(name));
    const fold = h("button", { type: "button", class: "filters-fold", "aria-expanded": String(!isFolded), click: () => {
      const isNowFolded = this.element.classList.toggle("folded");
      fold.setAttribute("aria-expanded", String(!isNowFolded));
    } }, t("filters.fold"));
    this.element = h("form", { class: isFolded ? "filters folded" : "filters", role: "search", submit: (/** @type {Event} */ event) => this.#submit(event) },
      fold, ...filters.map((filter) => this.#field(client, filter, parameters.get(filter.name) ?? "")),
      h("button", { type: "button", class: "quiet filters-clear", click: () => this.#clear() }, t("filters.clear")));
  }

  get parameters() {
    const values = this.#filters.map(({ name }) => [name, this.#controls.get(name)?.value.trim() ?? ""]);
    return new URLSearchParams(values.filter(([, value]) => value !== ""));
  }

  /** As the API takes them: moments in Unix seconds. */
  get query() {
    const query = this.parameters;
    for (const { name, type } of this.#filters) {
      const time = Date.parse(query.get(name) ?? "");
      if (type !== "datetime-local") continue;
      if (Number.isFinite(time)) query.set(name, String(time / 1000));
      else query.delete(name);
    }
    return query;
  }

  /** @param {URLSearchParams} parameters */
  fill(parameters) {
    for (const [name, control] of this.#controls) control.value = parameters.get(name) ?? "";
  }

  stop() {
    clearTimeout(this.#timer);
  }

  /**
   * @param {import("../api/client.js").Client} client
   * @param {Filter} filter
   * @param {string} value
   */
  #field(client, { name, label, type, options = [], any = t("filters.any"), suggest = "" }, value) {
    const soon = () => this.#soon();
    if (type === "select") {
      const select = h("select", { change: () => this.#now() }, h("option", { value: "" }, any),
        ...options.map(([each, text]) => h("option", { value: each }, text)));
      select.value = value;
      this.#controls.set(name, select);
      return labelled(label, select);
    }
    const suggested = suggest === "" ? null : suggestField(client, suggest, { input: soon });
    const input = suggested?.input ?? h("input", { type, autocomplete: "off", spellcheck: "false", input: soon });
    input.value = value;
    this.#controls.set(name, input);
    return suggested ? labelled(label, input, "", suggested.options) : labelled(label, input);
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#now(), PAUSE_MS);
  }

  #now() {
    clearTimeout(this.#timer);
    this.#changed(this.parameters);
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    this.#now();
  }

  #clear() {
    for (const control of this.#controls.values()) control.value = "";
    this.#now();
  }
}
