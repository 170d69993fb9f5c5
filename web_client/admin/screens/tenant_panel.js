/** One organisation: its form, and what is done to it as a whole; a new one, whose first administrator gets a link. */

import { ApiError } from "../../api/client.js";
import { copyButton } from "../../ui/copy_button.js";
import { h } from "../../ui/dom.js";
import { showDialog } from "../../ui/dialog.js";
import { facts, names } from "../cells.js";
import { editingForm } from "../editing_form.js";
import { enter, leave } from "../entered.js";
import { labelled } from "../labelled.js";
import { addPreview, lookBody, lookFields, lookStart, lookValues } from "../look_fields.js";
import { ObjectPanel } from "../object_panel.js";
import { addressOf } from "../router.js";
import { errorText, t } from "../strings.js";
import { hostsForm } from "../tenant_hosts.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./tenants.js").Tenant} Tenant */
/** @typedef {{enrolment?: {link: string, expires: number}}} Made */

const NEW = "+";
const MINUTES = [15, 30, 60];

/** @extends {ObjectPanel<Tenant | null>} */
export class TenantPanel extends ObjectPanel {
  #context;
  /** What is entered there is beside the panel's own form. @type {import("../../ui/form.js").Form | null} */
  #hostsForm = null;

  /**
   * @param {Context} context
   * @param {string} name
   */
  constructor(context, name) {
    const isNew = name === NEW;
    super({
      title: isNew ? t("tenants.new") : name, item: isNew ? null : undefined, isNew,
      find: (signal) => context.client.get(this.#path(name), signal),
      draw: (tenant) => this.#draw(tenant),
    });
    this.#context = context;
  }

  /** @override */
  async changed() {
    if (!this.#hostsForm?.isChanged) await super.changed();
  }

  /** @override */
  get isEntering() {
    return super.isEntering || (this.#hostsForm?.isChanged ?? false);
  }

  /** @override */
  async mayClose() {
    if (!this.#hostsForm?.isChanged) return super.mayClose();
    return this.#context.ask({ title: t("form.leave.title"), consequences: [t("form.leave.text")], act: t("form.leave.act"), danger: true });
  }

  /** @param {string} name */
  #path(name) {
    return `/platform/tenants/${encodeURIComponent(name)}`;
  }

  /** @param {Tenant | null} tenant null: a new one */
  #draw(tenant) {
    const mayWrite = this.#context.may("platform.tenants.write");
    if (tenant === null) return mayWrite ? [this.#form(null)] : [];
    return [this.#tools(tenant), this.#facts(tenant), ...(this.#context.may("platform.hosts.write") ? [this.#hosts(tenant)] : []),
      ...(mayWrite ? [this.#form(tenant)] : [])];
  }

  /** @param {Tenant | null} tenant */
  #form(tenant) {
    const before = valuesOf(tenant);
    /** @type {Made} */
    let made = {};
    const form = editingForm({
      fields: this.#fields(tenant), before, values: { ...before, ...lookStart(tenant) }, revision: tenant?.revision, valuesOf,
      submit: tenant === null ? t("tenants.create") : undefined,
      send: async (values, revision) => {
        made = await this.#send(values, revision);
      },
      saved: ({ name }) => this.#saved(name.trim(), made),
      cancel: () => this.#context.go(addressOf("tenants")),
    });
    addPreview(form, tenant);
    return form;
  }

  /** @param {Tenant | null} tenant @returns {import("../../ui/form.js").Field[]} */
  #fields(tenant) {
    const labels = { remove: t("form.remove") };
    const rate = { step: "any", min: "0" };
    return [
      { name: "name", label: t("tenants.name"), kind: "text", isFixed: tenant !== null, hint: tenant === null ? t("tenants.name.hint") : "" },
      ...(tenant === null ? [/** @type {import("../../ui/form.js").Field} */ ({ name: "administrator", label: t("tenants.administrator"), kind: "text", hint: t("tenants.administrator.hint") })] : []),
      ...lookFields(t("tenants.look")),
      { name: "host_names", label: t("tenants.hostnames"), kind: "names", labels, hint: t("tenants.hostnames.hint") },
      { name: "quotas.sessions", label: t("tenants.quota.sessions"), kind: "number", attributes: { step: "1" }, hint: t("tenants.quota.hint"), group: t("tenants.quotas") },
      { name: "quotas.launches_per_second", label: t("tenants.quota.launches"), kind: "number", attributes: rate },
      { name: "quotas.logins_per_second", label: t("tenants.quota.logins"), kind: "number", attributes: rate },
    ];
  }

  /**
   * @param {Record<string, any>} values
   * @param {number | undefined} revision
   */
  #send(values, revision) {
    return this.#context.client.change("PUT", this.#path(values.name.trim()), {
      ...lookBody(values), host_names: values.host_names,
      quotas: {
        sessions: values["quotas.sessions"], launches_per_second: values["quotas.launches_per_second"], logins_per_second: values["quotas.logins_per_second"],
      },
      ...(values.administrator !== undefined && { administrator: values.administrator.trim() }),
      ...(revision !== undefined && { revision }),
    });
  }

  /**
   * @param {string} name
   * @param {Made} made
   */
  async #saved(name, { enrolment }) {
    this.settle();
    this.#context.toasts.show(t("tenants.saved", { name }));
    if (enrolment) await showLink(name, enrolment);
    if (this.isNew) this.#context.go(addressOf("tenants", name));
    else this.changed();
  }

  /** @param {Tenant} tenant */
  #tools(tenant) {
    const { name, suspended, entry } = tenant;
    const own = name === this.#context.login.tenant.name;
    const mayWrite = this.#context.may("platform.tenants.write") && !own;
    return h("div", { class: "buttons panel-tools" },
      this.#context.may("platform.enter") && !own && !entry && h("button", { type: "button", class: "small", click: () => this.#enter(name) }, t("tenants.enter")),
      entry !== null && h("button", { type: "button", class: "small", click: () => enter(name, entry) }, t("tenants.goon")),
      entry !== null && h("button", { type: "button", class: "small", click: () => leave(this.#context.client, name) }, t("tenants.leave")),
      mayWrite && h("button", { type: "button", class: "small", click: () => this.#suspend(tenant) }, t(suspended ? "tenants.resume" : "tenants.suspend")),
      mayWrite && h("button", { type: "button", class: "small danger", click: () => this.#delete(tenant) }, t("tenants.delete")));
  }

  /** @param {Tenant} tenant */
  #facts({ users, sessions, hosts, suspended }) {
    return facts([
      [t("tenants.state"), t(suspended ? "tenants.suspended" : "tenants.active")],
      [t("tenants.users"), users.toLocaleString()], [t("tenants.sessions"), sessions.toLocaleString()], [t("tenants.hosts"), names(hosts, t("tenants.nohosts"))],
    ]);
  }

  /** @param {Tenant} tenant */
  #hosts({ name, hosts }) {
    const form = (this.#hostsForm = hostsForm(this.#context, name, hosts, () => {
      this.#hostsForm = null;
      this.settle();
      this.changed();
    }));
    return h("details", { class: "tenant-hosts" }, h("summary", {}, t("tenants.hosts.change")), form.element);
  }

  /** @param {string} name */
  async #enter(name) {
    const reason = h("input", { type: "text", maxlength: "200", autocomplete: "off", required: true });
    const minutes = h("select", {}, ...MINUTES.map((value) => h("option", { value: String(value) }, t("tenants.minutes", { value }))));
    const alert = h("p", { role: "alert", class: "alert" });
    await showDialog(t("tenants.enter.title", { name }), (close) => [
      h("p", {}, t("tenants.enter.text")),
      h("form", { class: "dialog-form", novalidate: true, submit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        if (reason.value.trim() === "") return reason.focus();
        try {
          const { until } = await this.#context.client.change("POST", `${this.#path(name)}/entry`, { reason: reason.value.trim(), minutes: Number(minutes.value) });
          enter(name, until);
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          alert.textContent = errorText(error);
        }
      } }, labelled(t("tenants.reason"), reason), labelled(t("tenants.howlong"), minutes), alert,
      h("div", { class: "buttons" }, h("button", { type: "submit", class: "primary" }, t("tenants.enter")),
        h("button", { type: "button", click: () => close() }, t("ask.cancel")))),
    ]);
  }

  /** @param {Tenant} tenant */
  async #suspend({ name, suspended, sessions }) {
    const goesOn = suspended || await this.#context.ask({
      title: t("tenants.suspend.title", { name }), consequences: [t("tenants.suspend.text", { sessions })], act: t("tenants.suspend"), danger: true,
    });
    if (!goesOn) return;
    const set = (/** @type {boolean} */ value) => () => this.#context.client.change("POST", `${this.#path(name)}/${value ? "suspend" : "resume"}`, {});
    await this.#context.doAll([name], set(!suspended), {
      done: suspended ? "tenants.did.resume" : "tenants.did.suspend", undo: set(suspended), name: (each) => each,
    });
    this.changed();
  }

  /** @param {Tenant} tenant */
  async #delete({ name, users, sessions }) {
    const goesOn = await this.#context.ask({
      title: t("tenants.delete.title", { name }), consequences: [t("tenants.delete.text", { users, sessions })], act: t("tenants.delete"), danger: true,
      repeat: { label: t("tenants.delete.repeat", { name }), text: name },
    });
    if (!goesOn) return;
    const done = await this.#context.doAll([name], () => this.#context.client.change("DELETE", this.#path(name), { confirm: name }),
      { done: "tenants.did.delete", name: (each) => each });
    if (done.length === 0) return;
    this.settle();
    this.#context.go(addressOf("tenants"));
  }
}

/** @param {Tenant | null} tenant @returns {Record<string, any>} */
function valuesOf(tenant) {
  return {
    "name": tenant?.name ?? "", ...(tenant === null && { administrator: "" }), ...lookValues(tenant),
    "host_names": tenant?.host_names ?? [], "quotas.sessions": tenant?.quotas.sessions ?? null,
    "quotas.launches_per_second": tenant?.quotas.launches_per_second ?? null, "quotas.logins_per_second": tenant?.quotas.logins_per_second ?? null,
  };
}

/**
 * @param {string} name
 * @param {{link: string, expires: number}} enrolment
 */
function showLink(name, { link, expires }) {
  return showDialog(t("tenants.link.title", { name }), (close) => [
    h("p", {}, t("tenants.link.text", { until: new Date(expires * 1000).toLocaleString() })), h("p", {}, h("code", { class: "secret" }, link)),
    h("div", { class: "buttons" }, copyButton(link, { copy: t("tokens.copy"), copied: t("walk.copied"), failed: t("walk.copy.failed") }),
      h("button", { type: "button", click: () => close() }, t("tokens.done"))),
  ]);
}
