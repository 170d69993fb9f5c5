/** One group: its form, or its facts for those who may only look; a new one. */

import { h } from "../../ui/dom.js";
import { facts, names } from "../cells.js";
import { editingForm } from "../editing_form.js";
import { mayOpen } from "../links.js";
import { pathTo } from "../named.js";
import { ObjectPanel } from "../object_panel.js";
import { addressOf } from "../router.js";
import { t } from "../strings.js";
import { Suggestions } from "../suggestions.js";
import { addWhatIf } from "../whatif_button.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./groups.js").Group} Group */

const NEW = "+";
const PATH = "/groups/";
/** Of a larger group the members are not entered by hand: they stand with the users. */
const MOST_LISTED = 500;

/** @extends {ObjectPanel<Group | null>} */
export class GroupPanel extends ObjectPanel {
  #context;
  #suggestions;
  #name;

  /**
   * @param {Context} context
   * @param {string} name
   */
  constructor(context, name) {
    const isNew = name === NEW;
    super({
      title: isNew ? t("groups.new") : name, item: isNew ? null : undefined, isNew,
      find: async (signal) => (await context.get(pathTo(PATH, name), signal)).group,
      draw: (group) => this.#draw(group),
    });
    this.#context = context;
    this.#name = name;
    this.#suggestions = new Suggestions(context);
  }

  /** @param {Group | null} group null: a new one */
  #draw(group) {
    if (!this.#context.may("groups.write")) return group === null ? [] : [this.#links(group), this.#facts(group)];
    const before = valuesOf(group);
    const isLarge = before.users.length > MOST_LISTED;
    const form = editingForm({
      fields: this.#fields(group !== null, isLarge), before, revision: group?.revision, valuesOf,
      submit: group === null ? t("groups.create") : undefined,
      send: (values, revision) => this.#send(values, revision),
      saved: ({ name }) => this.#saved(name.trim()),
      cancel: () => this.#context.go(addressOf("groups")),
    });
    addWhatIf(this.#context, form.element, () => [documentOf(form.values)]);
    return group === null ? [form] : [this.#links(group), ...(isLarge ? [this.#many(group)] : []), form];
  }

  /**
   * @param {boolean} exists
   * @param {boolean} isLarge
   * @returns {import("../../ui/form.js").Field[]}
   */
  #fields(exists, isLarge) {
    const labels = { remove: t("form.remove") };
    return [
      { name: "name", label: t("groups.name"), kind: "text", isFixed: exists, attributes: { maxlength: "256" } },
      { name: "description", label: t("groups.description"), kind: "text", attributes: { maxlength: "256" } },
      ...(isLarge ? [] : [/** @type {import("../../ui/form.js").Field} */ ({ name: "users", label: t("groups.users"), kind: "names", labels, suggestions: (typed) => this.#suggestions.like("users", typed) })]),
      { name: "members.groups", label: t("groups.inner"), kind: "names", labels, hint: t("groups.inner.hint"), suggestions: (typed) => this.#suggestions.like("groups", typed) },
    ];
  }

  /**
   * @param {Record<string, any>} values
   * @param {number | undefined} revision
   */
  #send({ name, description, users, "members.groups": groups }, revision) {
    const body = { description, members: { groups }, ...(users && { users }), ...(revision !== undefined && { revision }) };
    return this.#context.change("PUT", pathTo(PATH, name.trim()), body);
  }

  /** @param {string} name */
  #saved(name) {
    this.settle();
    this.#context.toasts.show(t("groups.saved", { name }));
    if (this.isNew) this.#context.go(addressOf("groups", name));
    else this.changed();
  }

  /** @param {Group} group */
  #links({ name }) {
    const may = mayOpen(this.#context);
    const links = [[addressOf("entitlements", `group/${name}`), "groups.entitled"], [addressOf("policies", `group/${name}`), "groups.policy"]];
    return h("div", { class: "buttons panel-tools" },
      ...links.filter(([address]) => may(address)).map(([href, text]) => h("a", { class: "button small", href }, t(text))),
      this.#context.may("groups.write") && h("button", { type: "button", class: "small danger", click: () => this.#delete() }, t("groups.delete")));
  }

  /** @param {Group} group */
  #many({ name, user_count: count }) {
    return h("p", {}, h("a", { href: addressOf("users", "", { groups: name }) }, t("groups.many", { count: count.toLocaleString() })));
  }

  /** @param {Group} group */
  #facts({ description, users = [], members, inside = [], applications = [] }) {
    return facts([
      [t("groups.description"), description],
      [t("groups.users"), names(users.slice(0, MOST_LISTED), t("groups.nobody"))],
      [t("groups.inner"), names(members.groups, t("groups.nogroup"))],
      [t("groups.inside"), names(inside, t("groups.nogroup"))],
      [t("groups.applications"), names(applications, t("groups.nothing"))],
    ]);
  }

  async #delete() {
    const name = this.#name;
    const { group } = await this.#context.get(pathTo(PATH, name));
    const goesOn = await this.#context.ask({
      title: t("groups.delete.title", { name }), act: t("groups.delete"), danger: true,
      consequences: [t("groups.delete.text", { count: group.user_count }),
        group.applications.length > 0 && t("groups.delete.applications", { names: group.applications.join(", ") })],
    });
    if (!goesOn) return;
    const remove = () => this.#context.change("DELETE", pathTo(PATH, name));
    const restore = () => this.#send({ name, description: group.description, users: group.users, "members.groups": group.members.groups }, undefined);
    const done = await this.#context.doAll([name], remove, { done: "groups.did.delete", undo: restore, name: (each) => each });
    if (done.length === 0) return;
    this.settle();
    this.#context.go(addressOf("groups"));
  }
}

/** Who is in it themselves stands with the users. @param {Record<string, any>} values */
function documentOf({ name, description, "members.groups": groups }) {
  return { kind: "group", name: name.trim(), description, members: { groups } };
}

/** @param {Group | null} group @returns {Record<string, any>} */
function valuesOf(group) {
  return {
    name: group?.name ?? "", description: group?.description ?? "", users: group?.users ?? [], "members.groups": group?.members.groups ?? [],
  };
}
