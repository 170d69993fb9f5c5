/** The organisation itself: how it looks to its people; names, quotas and who has entered it, to see. */

import { h } from "../../ui/dom.js";
import { ago, facts, names } from "../cells.js";
import { editingForm } from "../editing_form.js";
import { addPreview, lookBody, lookFields, lookStart, lookValues } from "../look_fields.js";
import { ObjectPanel } from "../object_panel.js";
import { t } from "../strings.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {{user: string, reason: string, created: number, until: number}} EntryInto */
/** @typedef {Pick<import("./tenants.js").Tenant, "name" | "title" | "theme" | "host_names" | "quotas" | "revision"> & {entries: EntryInto[]}} Own */

/** @param {Context} context */
export function open(context) {
  return new TenantScreen(context);
}

class TenantScreen {
  #context;
  #panel;

  /** @param {Context} context */
  constructor(context) {
    this.#context = context;
    /** @type {ObjectPanel<Own>} */
    this.#panel = new ObjectPanel({ title: t("screen.tenant"), find: (signal) => context.get("/tenant", signal), draw: (own) => this.#draw(own) });
    this.element = h("div", { class: "screen tenant" }, this.#panel.element);
  }

  focus() {
    this.element.querySelector("input")?.focus();
  }

  stop() {
    this.#panel.stop();
  }

  moved() {
    // There is but one.
  }

  /** @param {Set<string> | null} kinds */
  changed(kinds) {
    if (kinds === null || kinds.has("tenant") || kinds.has("entry")) this.#panel.changed();
  }

  /** @param {Own} own */
  #draw(own) {
    const { name, host_names: hostNames, quotas, entries } = own;
    const shown = facts([
      [t("tenants.name"), name], [t("tenants.hostnames"), names(hostNames, t("tenant.nohostnames"))],
      ...(/** @type {const} */ (["sessions", "launches_per_second", "logins_per_second"])).map((quota) =>
        /** @type {[string, string]} */ ([t(`tenant.${quota}`), quotas[quota] === null ? t("tenant.unlimited") : String(quotas[quota])])),
    ]);
    return [shown, this.#entries(entries), ...(this.#context.may("tenant.write") ? [this.#form(own)] : [])];
  }

  /** @param {EntryInto[]} entries */
  #entries(entries) {
    if (entries.length === 0) return h("div", {});
    return h("section", {}, h("h2", {}, t("tenant.entries")), h("ul", { class: "change-list" }, ...entries.map(({ user, reason, created, until }) =>
      h("li", {}, h("strong", {}, h("bdi", {}, user)), ` · ${t("tenant.until", { time: new Date(until * 1000).toLocaleTimeString() })} · `, ago(created),
        h("p", {}, h("bdi", {}, reason))))));
  }

  /** @param {Own} own */
  #form(own) {
    const { name, revision } = own;
    const form = editingForm({
      name, fields: lookFields(), before: lookValues(own), values: lookStart(own), revision, valuesOf: lookValues,
      send: (values, known) => this.#context.change("PUT", "/tenant", { ...lookBody(values), ...(known !== undefined && { revision: known }) }),
      saved: () => {
        this.#panel.settle();
        this.#context.toasts.show(t("tenants.saved", { name }));
        this.#panel.changed();
      },
      cancel: () => {
        this.#panel.settle();
        this.#panel.changed();
      },
    });
    addPreview(form, own);
    return form;
  }
}
