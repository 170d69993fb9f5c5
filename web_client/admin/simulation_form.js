/** What a simulation is asked for: user, application and the circumstances, as fields and as an address. */

import { h } from "../ui/dom.js";
import { labelled } from "./labelled.js";
import { t } from "./strings.js";
import { suggestField } from "./suggest.js";

/** @typedef {import("../api/client.js").Client} Client */
/** @typedef {"fresh" | "minutes" | "never"} Factor */
/** @typedef {{client_address?: string, time?: number, factor_age_minutes?: number | null, dry_run?: boolean}} Context */
/** @typedef {{user: string, application: string, context: Context}} Question */

const FIELDS = ["user", "application", "client_address", "time", "factor", "factor_minutes", "dry_run"];

export class SimulationForm {
  #user;
  #application;
  #address = h("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: "203.0.113.7", name: "client_address" });
  #time = h("input", { type: "datetime-local", name: "time" });
  #factor = h("select", { name: "factor", change: () => this.#showFactor() },
    ...["fresh", "minutes", "never"].map((value) => h("option", { value }, t(`simulation.factor.${value}`))));
  #minutes = h("input", { type: "number", min: "0", max: "525600", step: "1", value: "60", name: "factor_minutes" });
  #minutesField;
  #dryRun = h("input", { type: "checkbox", name: "dry_run" });
  #circumstances;
  #alert = h("div", { role: "alert", class: "alert" });
  #submit = h("button", { type: "submit", class: "primary" }, t("simulation.run"));

  /**
   * @param {Client} client
   * @param {() => void} submit
   */
  constructor(client, submit) {
    this.#user = suggestField(client, "/admin/users", { name: "user", required: true });
    this.#application = suggestField(client, "/admin/applications", { name: "application", required: true });
    this.#minutesField = labelled(t("simulation.factor.age"), this.#minutes);
    this.#circumstances = h("details", { class: "circumstances" }, h("summary", {}, t("simulation.circumstances")),
      h("div", { class: "form-grid" },
        labelled(t("simulation.address"), this.#address, t("simulation.address.hint")),
        labelled(t("simulation.time"), this.#time, t("simulation.time.hint")),
        labelled(t("simulation.factor"), this.#factor),
        this.#minutesField,
        h("label", { class: "check" }, this.#dryRun, h("span", {}, t("simulation.dry_run")))));
    this.element = h("form", {
      class: "card simulation-form", novalidate: true,
      submit: (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        if (this.#check()) submit();
      },
    },
      h("div", { class: "form-grid" },
        labelled(t("simulation.user"), this.#user.input, "", this.#user.options),
        labelled(t("simulation.application"), this.#application.input, "", this.#application.options)),
      this.#circumstances, this.#alert, h("div", { class: "buttons" }, this.#submit));
    this.#showFactor();
  }

  focus() {
    (this.#user.input.value ? this.#submit : this.#user.input).focus();
  }

  /** @param {boolean} isBusy */
  set busy(isBusy) {
    this.#submit.setAttribute("aria-busy", String(isBusy));
  }

  /** @param {string} text */
  complain(text) {
    this.#alert.textContent = text;
  }

  /** @param {URLSearchParams} parameters */
  fill(parameters) {
    this.#user.input.value = parameters.get("user") ?? "";
    this.#application.input.value = parameters.get("application") ?? "";
    this.#address.value = parameters.get("client_address") ?? "";
    this.#time.value = parameters.get("time") ?? "";
    this.#factor.value = parameters.get("factor") ?? "fresh";
    if (this.#factor.value === "") this.#factor.value = "fresh";
    this.#minutes.value = parameters.get("factor_minutes") ?? "60";
    this.#dryRun.checked = parameters.get("dry_run") === "1";
    this.#circumstances.open = FIELDS.slice(2).some((name) => parameters.has(name));
    this.#showFactor();
  }

  /** Whether it can be asked at once. */
  get isComplete() {
    return this.#user.input.value.trim() !== "" && this.#application.input.value.trim() !== "";
  }

  get parameters() {
    const isMinutes = this.#factor.value === "minutes";
    const values = {
      user: this.#user.input.value.trim(), application: this.#application.input.value.trim(),
      client_address: this.#address.value.trim(), time: this.#time.value,
      factor: this.#factor.value === "fresh" ? "" : this.#factor.value,
      factor_minutes: isMinutes ? this.#minutes.value : "", dry_run: this.#dryRun.checked ? "1" : "",
    };
    return new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ""));
  }

  /** @returns {Question} */
  get question() {
    return questionOf(this.parameters);
  }

  #check() {
    const empty = [this.#user.input, this.#application.input].find(({ value }) => value.trim() === "");
    const wrong = empty ?? [this.#time, this.#minutes].find((input) => !input.checkValidity());
    this.complain(empty ? t("simulation.missing") : wrong ? wrong.validationMessage : "");
    wrong?.focus();
    return wrong === undefined;
  }

  #showFactor() {
    this.#minutesField.hidden = this.#factor.value !== "minutes";
  }
}

/**
 * As the API takes it. What is not given is left out: the broker then takes what a browser that has just signed in
 * would have.
 * @param {URLSearchParams} parameters
 * @returns {Question}
 */
function questionOf(parameters) {
  /** @type {Context} */
  const context = {};
  const address = parameters.get("client_address");
  const time = Date.parse(parameters.get("time") ?? "");
  const factor = parameters.get("factor");
  if (address) context.client_address = address;
  if (Number.isFinite(time)) context.time = time / 1000;
  if (factor === "never") context.factor_age_minutes = null;
  if (factor === "minutes") context.factor_age_minutes = Number(parameters.get("factor_minutes")) || 0;
  if (parameters.get("dry_run") === "1") context.dry_run = true;
  return { user: parameters.get("user") ?? "", application: parameters.get("application") ?? "", context };
}
