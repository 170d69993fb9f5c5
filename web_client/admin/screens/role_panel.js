/** One role: which permissions it holds, each with what it allows. */

import { h } from "../../ui/dom.js";
import { editingForm } from "../editing_form.js";
import { ObjectPanel } from "../object_panel.js";
import { permissionsField } from "../permissions_field.js";
import { addressOf } from "../router.js";
import { t } from "../strings.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./roles.js").Role} Role */
/** @typedef {{role: Role, sentences: Record<string, string>}} Shown */

const NEW = /^\+(.*)$/s;

/** @extends {ObjectPanel<Shown>} */
export class RolePanel extends ObjectPanel {
  #context;

  /**
   * @param {Context} context
   * @param {string} name
   */
  constructor(context, name) {
    const original = NEW.exec(name)?.[1];
    const isNew = original !== undefined;
    super({
      title: isNew ? t("roles.new") : name, isNew,
      find: (signal) => this.#find(original ?? name, signal),
      draw: (shown) => this.#draw(shown),
    });
    this.#context = context;
  }

  /**
   * @param {string} name
   * @param {AbortSignal} signal
   * @returns {Promise<Shown | undefined>}
   */
  async #find(name, signal) {
    /** @type {import("./roles.js").Roles} */
    const { items, permissions: sentences } = await this.#context.get("/roles", signal);
    const found = items.find((each) => each.name === name);
    if (!this.isNew) return found && { role: found, sentences };
    return { role: { name: "", permissions: found?.permissions ?? [], built_in: false, users: 0, revision: undefined }, sentences };
  }

  /** @param {Shown} shown */
  #draw({ role, sentences }) {
    const isFixed = role.built_in || !this.#context.may("roles.write");
    const tools = this.#tools(role);
    if (isFixed) return [tools, permissionsField(sentences)({ id: "role-permissions", value: role.permissions, isFixed, changed() {} }).element];
    const before = { name: role.name, permissions: role.permissions };
    /** @type {import("../../ui/form.js").Field[]} */
    const fields = [
      { name: "name", label: t("roles.name"), kind: "text", isFixed: !this.isNew, attributes: { maxlength: "64" } },
      { name: "permissions", label: t("roles.permissions"), kind: permissionsField(sentences) },
    ];
    const form = editingForm({
      fields, before, revision: role.revision, valuesOf: ({ name, permissions }) => ({ name, permissions }),
      submit: this.isNew ? t("roles.create") : undefined,
      send: ({ name, permissions }, revision) => this.#context.change("PUT", `/roles/${encodeURIComponent(name.trim())}`,
        { permissions, ...(revision !== undefined && { revision }) }),
      saved: ({ name }) => this.#saved(name.trim()),
      cancel: () => this.#context.go(addressOf("roles")),
    });
    return [tools, form];
  }

  /** @param {Role} role */
  #tools({ name, built_in: isBuiltIn, users }) {
    if (this.isNew || !this.#context.may("roles.write")) return h("div", {});
    return h("div", { class: "buttons panel-tools" },
      h("a", { class: "button small", href: addressOf("roles", `+${name}`) }, t("roles.clone")),
      !isBuiltIn && h("button", { type: "button", class: "small danger", click: () => this.#delete(name, users) }, t("roles.delete")));
  }

  /** @param {string} name */
  #saved(name) {
    this.settle();
    this.#context.toasts.show(t("roles.saved", { name }));
    if (this.isNew) this.#context.go(addressOf("roles", name));
    else this.changed();
  }

  /**
   * @param {string} name
   * @param {number} users
   */
  async #delete(name, users) {
    const goesOn = await this.#context.ask({
      title: t("roles.delete.title", { name }), consequences: [t("roles.delete.text", { count: users })], act: t("roles.delete"), danger: true,
    });
    if (!goesOn) return;
    const done = await this.#context.doAll([name], () => this.#context.change("DELETE", `/roles/${encodeURIComponent(name)}`),
      { done: "roles.did.delete", name: (each) => each });
    if (done.length === 0) return;
    this.settle();
    this.#context.go(addressOf("roles"));
  }
}
