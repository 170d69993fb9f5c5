/** One probe: how it went last, stage by stage, and its form; a new one. */

import { ApiError } from "../../api/client.js";
import { Form } from "../../ui/form.js";
import { h } from "../../ui/dom.js";
import { ago, facts } from "../cells.js";
import { mayOpen } from "../links.js";
import { prose } from "../prose.js";
import { formTexts, ObjectPanel, wrongOf } from "../object_panel.js";
import { addressOf } from "../router.js";
import { STRINGS, t } from "../strings.js";
import { Suggestions } from "../suggestions.js";
import { timeText } from "../walkthrough_rules.js";
import { NEW_ACCOUNT } from "./probe_account_panel.js";
import { stateBadge } from "./probes.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./probes.js").Probe} Probe */
/** @typedef {import("./probes.js").Result} Result */

/** In the address: `+`, and `+/probe` for one that acts as the user `probe`. Applications' names have no slash. */
const NEW = /^\+(?:\/(.*))?$/s;
const DEFAULT_SECONDS = 300;

/** @extends {ObjectPanel<Probe | null>} */
export class ProbePanel extends ObjectPanel {
  #context;
  #name;
  #suggestions;
  /** Whom a new one acts as, if that is known. */
  #newUser;

  /**
   * @param {Context} context
   * @param {string} name
   */
  constructor(context, name) {
    const place = NEW.exec(name);
    const isNew = place !== null;
    super({
      title: isNew ? t("probes.new") : name, item: isNew ? null : undefined, isNew,
      find: (signal) => this.#find(signal),
      draw: (probe) => this.#draw(probe),
    });
    this.#context = context;
    this.#name = name;
    this.#newUser = place?.[1] ?? "";
    this.#suggestions = new Suggestions(context);
  }

  /** From the list, for it may be of an application that is gone. @param {AbortSignal} signal @returns {Promise<Probe | undefined>} */
  async #find(signal) {
    const { items } = await this.#context.get("/probes", signal);
    return items.find((/** @type {Probe} */ { application }) => application === this.#name);
  }

  /** @param {Probe | null} probe null: a new one */
  #draw(probe) {
    const form = this.#context.may("probes.write") ? [this.#form(probe)] : [];
    return probe === null ? [...this.#accounts(), ...form] : [...this.#result(probe), ...form];
  }

  /** Where its user comes from. */
  #accounts() {
    if (this.#newUser !== "" || !this.#context.may("users.write")) return [];
    return [h("p", {}, `${t("probes.account.needed")} `, h("a", { href: addressOf("probes", NEW_ACCOUNT) }, t("probes.account.new")))];
  }

  /** @param {Probe | null} probe */
  #form(probe) {
    /** @type {import("../../ui/form.js").Field[]} */
    const fields = [
      { name: "application", label: t("probes.application"), kind: "text", isFixed: probe !== null },
      { name: "user", label: t("probes.user"), kind: "text", hint: t("probes.user.hint") },
      { name: "every_seconds", label: t("probes.every"), kind: "number", attributes: { min: "60", max: "86400", step: "1" } },
    ];
    const form = new Form({
      fields, texts: formTexts(probe === null ? t("probes.create") : t("form.save")),
      values: { application: probe?.application ?? "", user: probe ? probe.user ?? "" : this.#newUser, every_seconds: probe?.every_seconds ?? DEFAULT_SECONDS },
      send: (values) => this.#send(values), cancel: () => this.#context.go(addressOf("probes")),
    });
    this.#suggest(form, "application", "applications");
    this.#suggest(form, "user", "users");
    return form;
  }

  /**
   * @param {Form} form
   * @param {string} field
   * @param {string} kind
   */
  #suggest(form, field, kind) {
    const input = /** @type {HTMLInputElement} */ (form.element.querySelector(`input[id$="-${field}"]`));
    const list = h("datalist", { id: `${input.id}-known` });
    input.setAttribute("list", list.id);
    input.after(list);
    input.addEventListener("focus", () => list.replaceChildren(...this.#suggestions.of(kind).slice(0, 200).map((value) => h("option", { value }))));
  }

  /** @param {Record<string, any>} values */
  async #send({ application, user, every_seconds: every }) {
    const name = application.trim();
    try {
      await this.#context.change("PUT", `/probes/${encodeURIComponent(name)}`, { user: user.trim(), every_seconds: every ?? DEFAULT_SECONDS });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return error.status === 404 ? { field: "application", message: t("probes.unknown") } : wrongOf(error);
    }
    this.settle();
    this.#context.toasts.show(t("probes.saved", { name }));
    if (this.isNew) this.#context.go(addressOf("probes", name));
    else this.changed();
    return null;
  }

  /** @param {Probe} probe */
  #result(probe) {
    const { state, last } = probe;
    const launch = last === null || last.reference === "" ? "" : addressOf("launches", last.reference);
    const mayDelete = this.#context.may("probes.write");
    return [
      h("div", { class: "buttons panel-tools" },
        mayOpen(this.#context)("#/simulation") && h("a", { class: "button small",
          href: addressOf("simulation", "", { application: probe.application, ...(probe.user && { user: probe.user }), dry_run: "1" }) }, t("entitlements.simulate")),
        mayDelete && h("button", { type: "button", class: "small danger", click: () => this.#delete(probe) }, t("probes.delete"))),
      facts([
        [t("probes.state"), stateBadge(state)],
        [t("probes.last"), last && ago(last.time)],
        [t("probes.code"), last?.code && h("code", {}, last.code)],
        [t("probes.stage"), last?.stage && (STRINGS[`probes.stage.${last.stage}`] ?? last.stage)],
        [t("probes.detail"), last?.detail],
        [t("probes.remedy"), probe.remedy && prose(probe.remedy.replaceAll("REFERENCE", last?.reference || "REFERENCE"))],
        [t("probes.host"), last?.host],
        [t("probes.entry"), last?.state === "ok" && t(last.by_password ? "probes.entry.password" : "probes.entry.login")],
        [t("launches.reference"), launch && mayOpen(this.#context)(launch) && h("a", { href: launch }, h("code", {}, /** @type {Result} */ (last).reference))],
        [t("probes.failures"), last && last.failures > 0 && String(last.failures)],
        [t("probes.well"), last && last.ok_time > 0 && ago(last.ok_time)],
      ]),
      last && Object.keys(last.stages).length > 0 ? stageBars(last.stages) : h("div", {}),
    ];
  }

  /** @param {Probe} probe */
  async #delete(probe) {
    if (!(await deleteProbes(this.#context, [probe]))) return;
    this.settle();
    this.#context.go(addressOf("probes"));
  }
}

/** How long each stage took, one after the other. @param {Record<string, number>} stages */
function stageBars(stages) {
  const all = Object.entries(stages);
  const sum = all.reduce((total, [, milliseconds]) => total + milliseconds, 0) || 1;
  let from = 0;
  return h("ol", { class: "stage-bars", "aria-label": t("probes.stages") }, ...all.map(([name, milliseconds]) => {
    const fill = h("span");
    fill.style.setProperty("left", `${((from / sum) * 100).toFixed(2)}%`);
    fill.style.setProperty("width", `${((milliseconds / sum) * 100).toFixed(2)}%`);
    from += milliseconds;
    return h("li", {}, h("span", {}, STRINGS[`probes.stage.${name}`] ?? name), h("span", { class: "walk-bar", "aria-hidden": "true" }, fill),
      h("span", { class: "walk-time" }, timeText(milliseconds)));
  }));
}

/**
 * @param {Context} context
 * @param {Probe[]} probes
 */
export async function deleteProbes(context, probes) {
  const path = (/** @type {Probe} */ { application }) => `/probes/${encodeURIComponent(application)}`;
  const restore = (/** @type {Probe} */ probe) => context.change("PUT", path(probe), { user: probe.user, every_seconds: probe.every_seconds });
  const done = await context.doAll(probes, (probe) => context.change("DELETE", path(probe)),
    { done: "probes.did.delete", undo: restore, name: ({ application }) => application });
  return done.length > 0;
}
