/** One policy: each field set here or not, locked for the levels below or not. A new one first asks whose it is. */

import { ApiError } from "../../api/client.js";
import { resolveConflict } from "../../ui/conflict.js";
import { h } from "../../ui/dom.js";
import { mayOpen } from "../links.js";
import { pathTo } from "../named.js";
import { ObjectPanel, wrongOf } from "../object_panel.js";
import { PolicyForm } from "../policy_form.js";
import { policyText } from "../policy_fields.js";
import { addressOf } from "../router.js";
import { errorText, t } from "../strings.js";
import { policyChooser } from "../policy_chooser.js";
import { addWhatIf } from "../whatif_button.js";
import { fieldText, policyName } from "./policies.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./policies.js").Policy} Policy */
/** @typedef {import("../policy_form.js").PolicyField} PolicyField */
/** @typedef {{policy: Policy, fields: PolicyField[]}} Shown */

const NEW = "+";

export class PolicyPanel {
  #context;
  #path;
  #panel;
  /** @type {PolicyForm | null} */
  #form = null;

  /**
   * @param {Context} context
   * @param {string} place `level/name`, or "+"
   */
  constructor(context, place) {
    this.#context = context;
    const [level, name] = [place.slice(0, place.indexOf("/")), place.slice(place.indexOf("/") + 1)];
    this.#path = place === NEW ? "" : pathTo(`/policies/${encodeURIComponent(level)}/`, name);
    if (place === NEW) {
      this.title = t("policies.new");
      this.element = h("div", { class: "panel-body" }, policyChooser(context));
      this.#panel = null;
      return;
    }
    this.title = level === "tenant" ? t("policies.title.tenant") : t("policies.title", { level: t(`policies.level.${level}`), name: policyName({ level, name }) });
    /** @type {ObjectPanel<Shown> | null} */
    this.#panel = new ObjectPanel({ title: this.title, find: (signal) => this.#find(signal), draw: (shown) => this.#draw(shown) });
    this.element = this.#panel.element;
  }

  stop() {
    this.#panel?.stop();
  }

  changed() {
    if (!this.#form?.isChanged) this.#panel?.changed();
  }

  async mayClose() {
    if (!this.#form?.isChanged) return true;
    return this.#context.ask({ title: t("form.leave.title"), consequences: [t("form.leave.text")], act: t("form.leave.act"), danger: true });
  }

  /** @param {AbortSignal} signal @returns {Promise<Shown | undefined>} */
  async #find(signal) {
    const [{ policy }, { items: fields }] = await Promise.all([this.#context.get(this.#path, signal), this.#context.get("/policies/fields", signal)]);
    return { policy, fields };
  }

  /** @param {Shown} shown @returns {Node[]} */
  #draw({ policy, fields }) {
    const may = mayOpen(this.#context);
    const query = policy.level === "user" || policy.level === "application" ? { [policy.level]: policy.name } : null;
    const effective = query && addressOf("effective", "", query);
    const tools = h("div", { class: "buttons panel-tools" }, effective && may(effective) && h("a", { class: "button small", href: effective }, t("policies.effective")));
    const notes = policy.ineffective.map(({ field, locked_by: by }) =>
      h("p", { class: "notice", role: "note" }, t("policies.ineffective", { field: fieldText(field), level: by })));
    if (!this.#context.may("policies.write")) return [tools, ...notes, this.#facts(policy, fields)];
    this.#form = new PolicyForm(fields, policy, {
      send: (values, locked) => this.#send(policy, fields, values, locked), cancel: () => this.#context.go(addressOf("policies")),
    });
    const form = this.#form;
    addWhatIf(this.#context, form.element, () => [{ kind: "policy", level: policy.level, of: policy.name, values: form.values, locked: form.locked }]);
    return [tools, ...notes, form.element];
  }

  /**
   * @param {Policy} before
   * @param {PolicyField[]} fields
   * @param {Record<string, any>} values
   * @param {string[]} locked
   * @returns {Promise<import("../../ui/form.js").Wrong | null>}
   */
  async #send(before, fields, values, locked) {
    try {
      await this.#context.change("PUT", this.#path, { values, locked, revision: before.revision });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code !== "changed_meanwhile" || error.current === undefined) return wrongOf(error);
      return this.#resolve(before, fields, values, locked, /** @type {Policy} */ (error.current));
    }
    this.#saved(before);
    return null;
  }

  /**
   * @param {Policy} before
   * @param {PolicyField[]} fields
   * @param {Record<string, any>} values
   * @param {string[]} locked
   * @param {Policy} current
   * @returns {Promise<import("../../ui/form.js").Wrong | null>}
   */
  async #resolve(before, fields, values, locked, current) {
    const flat = (/** @type {{values: Record<string, any>, locked: string[]}} */ policy) => Object.fromEntries(fields.flatMap(({ name }) => [
      [name, policy.values[name]], [`${name} locked`, policy.locked.includes(name)],
    ]));
    const merged = await resolveConflict({
      title: t("conflict.title", { name: this.title }), explanation: t("conflict.explanation"), label: (name) => fieldText(name), texts: {
        field: t("conflict.field"), before: t("conflict.before"), theirs: t("conflict.theirs"), mine: t("conflict.mine"),
        takeTheirs: t("conflict.take.theirs"), takeMine: t("conflict.take.mine"), save: t("conflict.save"), cancel: t("ask.cancel"),
      }, before: flat(before), theirs: flat(current), mine: flat({ values, locked }),
    });
    if (merged === null) return { field: "", message: t("conflict.title", { name: this.title }) };
    const chosen = Object.fromEntries(fields.filter(({ name }) => merged[name] !== undefined).map(({ name }) => [name, merged[name]]));
    return this.#send(current, fields, chosen, fields.map(({ name }) => name).filter((name) => merged[`${name} locked`]));
  }

  /** @param {Policy} before */
  #saved(before) {
    this.#form = null;
    this.#panel?.settle();
    const undo = () => this.#undo(before);
    this.#context.toasts.show(t("policies.saved"), { undo });
    this.#panel?.changed();
  }

  /** @param {Policy} before */
  async #undo({ values, locked }) {
    try {
      await this.#context.change("PUT", this.#path, { values, locked });
      this.#context.toasts.show(t("toast.undone"));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#context.toasts.show(errorText(error), { bad: true });
    }
    this.changed();
  }

  /**
   * @param {Policy} policy
   * @param {PolicyField[]} fields
   */
  #facts({ values, locked }, fields) {
    const told = fields.filter(({ name }) => name in values || locked.includes(name));
    if (told.length === 0) return h("p", { class: "muted" }, t("policies.nothing"));
    return h("dl", { class: "facts" }, ...told.flatMap(({ name, kind }) => [h("dt", {}, fieldText(name)), h("dd", {},
      name in values ? policyText(kind, values[name]) : t("policies.fromabove"), locked.includes(name) && ` · ${t("policies.islocked")}`)]));
  }
}
