/** What policies come to for somebody: each field's value, the level that it is from, the level that locked it. */

import { ApiError } from "../../api/client.js";
import { h } from "../../ui/dom.js";
import { names } from "../cells.js";
import { Filters } from "../filters.js";
import { mayOpen } from "../links.js";
import { policyText } from "../policy_fields.js";
import { prose } from "../prose.js";
import { addressOf } from "../router.js";
import { errorText, t } from "../strings.js";
import { objectAddress } from "../walkthrough_rules.js";
import { fieldText } from "./policies.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../router.js").Place} Place */
/** @typedef {{name: string, value: any, origin: string, locked_by: string | null, ignored: string[], meaning: string}} Effective */

/** @param {Context} context @param {Place} place */
export function open(context, place) {
  return new EffectiveScreen(context, place);
}

class EffectiveScreen {
  #context;
  #filters;
  #asking = new AbortController();
  #groups = h("p", {});
  #body = h("tbody");
  #table = h("table", { class: "list-table", hidden: true }, h("caption", { class: "visually-hidden" }, t("screen.effective")),
    h("thead", {}, h("tr", {}, ...["field", "value", "origin", "locked"].map((name) => h("th", { scope: "col" }, t(`effective.${name}`))))), this.#body);
  #alert = h("div", { role: "alert", class: "alert" });

  /** @param {Context} context @param {Place} place */
  constructor(context, { query }) {
    this.#context = context;
    this.#filters = new Filters(context.client, [
      { name: "user", label: t("effective.user"), type: "text", suggest: "/admin/users" },
      { name: "application", label: t("effective.application"), type: "text", suggest: "/admin/applications" },
    ], query, (parameters) => {
      context.say(addressOf("effective", "", parameters));
      this.#load();
    });
    this.element = h("div", { class: "screen effective" }, h("p", { class: "muted" }, t("effective.lead")), this.#filters.element, this.#alert, this.#groups, this.#table);
    this.#load();
  }

  focus() {
    this.element.querySelector("input")?.focus();
  }

  stop() {
    this.#asking.abort();
    this.#filters.stop();
  }

  /** @param {Place} place */
  moved({ query }) {
    this.#filters.fill(query);
    this.#load();
  }

  /** @param {Set<string> | null} kinds */
  changed(kinds) {
    if (kinds === null || ["policy", "group", "user"].some((kind) => kinds.has(kind))) this.#load();
  }

  async #load() {
    this.#asking.abort();
    const { signal } = (this.#asking = new AbortController());
    try {
      const [answer, { items }] = await Promise.all([
        this.#context.get(`/policies/effective?${this.#filters.parameters}`, signal), this.#context.get("/policies/fields", signal),
      ]);
      if (signal.aborted) return;
      const kinds = new Map(items.map((/** @type {{name: string, kind: string}} */ { name, kind }) => [name, kind]));
      this.#show(answer, kinds);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (signal.aborted) return;
      this.#alert.textContent = errorText(error);
      this.#table.hidden = true;
      this.#groups.replaceChildren();
    }
  }

  /**
   * @param {{groups: string[], fields: Effective[]}} answer
   * @param {Map<string, string>} kinds
   */
  #show({ groups, fields }, kinds) {
    this.#alert.replaceChildren();
    this.#groups.replaceChildren(...(groups.length > 0 ? [t("effective.groups"), " ", names(groups, "")] : []));
    this.#body.replaceChildren(...fields.map((field) => this.#row(field, kinds.get(field.name) ?? "")));
    this.#table.hidden = false;
  }

  /**
   * @param {Effective} field
   * @param {string} kind
   */
  #row({ name, value, origin, locked_by: lockedBy, ignored, meaning }, kind) {
    /** @type {[string, import("../../ui/dom.js").Child[]][]} */
    const cells = [
      ["field", [h("strong", {}, fieldText(name)), h("div", { class: "hint" }, prose(meaning))]],
      ["value", [h("bdi", {}, policyText(kind, value))]],
      ["origin", [this.#level(origin)]],
      ["locked", [lockedBy !== null && this.#level(lockedBy), ignored.length > 0 && h("div", { class: "hint" }, t("effective.ignored", { levels: ignored.join(", ") }))]],
    ];
    return h("tr", {}, ...cells.map(([title, content]) => h("td", { "data-title": t(`effective.${title}`) }, h("div", {}, ...content))));
  }

  /** @param {string} label such as `group:staff` */
  #level(label) {
    const address = objectAddress(`policy:${label}`);
    const [kind, name] = label.includes(":") ? [label.slice(0, label.indexOf(":")), label.slice(label.indexOf(":") + 1)] : [label, ""];
    const text = [t(`policies.level.${kind}`), name !== "" && " ", name !== "" && h("bdi", {}, name)];
    return address !== "" && mayOpen(this.#context)(address) ? h("a", { href: address }, ...text) : h("span", { class: "muted" }, ...text);
  }
}
