/** One user: how the account stands, groups and role, and what can be done to it. */

import { h } from "../../ui/dom.js";
import { facts, names } from "../cells.js";
import { editingForm } from "../editing_form.js";
import { ObjectPanel } from "../object_panel.js";
import { addressOf } from "../router.js";
import { errorText, t } from "../strings.js";
import { Suggestions } from "../suggestions.js";
import { enrolmentOnce } from "./enrolment_once.js";
import { roleChoices } from "./role_choices.js";
import { deleteUsers, setDisabled, signOutUsers, userPath } from "./user_acts.js";
import { roleText, stateBadge, valuesOf } from "./user_rules.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./user_rules.js").User} User */

/** @extends {ObjectPanel<User>} */
export class UserPanel extends ObjectPanel {
  #context;
  #suggestions;
  /** A link that was just made: it must not vanish with a change elsewhere. @type {HTMLElement | null} */
  #once = null;

  /**
   * @param {Context} context
   * @param {string} name
   * @param {User | undefined} item
   */
  constructor(context, name, item) {
    super({
      title: name, item,
      find: async (signal) => {
        const { items } = await context.get(`/users?${new URLSearchParams({ name })}`, signal);
        return items.find((/** @type {User} */ each) => each.name === name);
      },
      draw: (/** @type {User} */ user) => this.#parts(context, user),
    });
    this.#context = context;
    this.#suggestions = new Suggestions(context);
  }

  /**
   * @param {Context} context
   * @param {User} user
   */
  #parts(context, user) {
    const about = facts([
      [t("users.state"), stateBadge(user)],
      [t("users.until"), user.invited_until ? new Date(user.invited_until * 1000).toLocaleString() : null],
      [t("users.platform"), user.platform && t("users.platform.yes")],
    ]);
    const links = this.#links(context, user);
    if (!context.may("users.write"))
      return [about, facts([[t("users.role"), roleText(user.role)], [t("users.groups"), names(user.groups, t("users.nogroup"))]]), links];
    return [...(this.#once ? [this.#once] : []), about, this.#form(context, user), links, this.#acts(context, user)];
  }

  /** @param {Context} context @param {User} user */
  #form(context, user) {
    const before = valuesOf(user);
    /** @type {import("../../ui/form.js").Field[]} */
    const fields = [
      { name: "groups", label: t("users.groups"), kind: "names", labels: { remove: t("form.remove") }, suggestions: (typed) => this.#suggestions.like("groups", typed) },
      { name: "role", label: t("users.role"), kind: roleChoices(context) },
    ];
    return editingForm({
      name: user.name, fields, before, revision: user.revision, valuesOf,
      send: (values, revision) => context.change("PUT", userPath(user), { ...values, ...(revision !== undefined && { revision }) }),
      saved: () => this.#saved(user.name),
      cancel: () => context.go(addressOf("users")),
    });
  }

  /** @param {string} name */
  #saved(name) {
    this.settle();
    this.#context.toasts.show(t("users.saved", { name }));
    this.#context.changed();
  }

  /** @param {Context} context @param {User} user */
  #links(context, { name }) {
    return h("p", { class: "links" },
      context.may("sessions.read") && h("a", { href: addressOf("sessions", "", { user: name }) }, t("users.sessions")),
      context.may("launches.read") && h("a", { href: addressOf("launches", "", { user: name }) }, t("users.launches")),
      context.may("simulate") && h("a", { href: addressOf("simulation", "", { user: name }) }, t("users.simulate")));
  }

  /** @param {Context} context @param {User} user */
  #acts(context, user) {
    /** @param {string} text @param {() => unknown} click @param {string} [kind] */
    const button = (text, click, kind = "") => h("button", { type: "button", class: `small ${kind}`, click }, text);
    return h("div", { class: "buttons panel-tools" },
      !user.disabled && button(t("users.reset"), () => this.#reset(user)),
      button(t("users.signout"), () => signOutUsers(context, [user])),
      button(user.disabled ? t("users.enable") : t("users.disable"), () => setDisabled(context, [user], !user.disabled)),
      button(t("users.delete"), () => this.#delete(user), "danger"));
  }

  /** @param {User} user */
  async #reset(user) {
    const goesOn = await this.#context.ask({
      title: t("users.reset.title", { name: user.name }), consequences: [t("users.reset.text")], act: t("users.reset"), danger: true,
    });
    if (!goesOn) return;
    try {
      const { enrolment } = await this.#context.change("POST", userPath(user, "/reset"), {});
      this.#once = enrolmentOnce(user.name, enrolment);
      this.settle();
      await this.changed();
      this.#once.focus();
    } catch (error) {
      this.#context.toasts.show(errorText(error), { bad: true });
    }
  }

  /** @param {User} user */
  async #delete(user) {
    if (!(await deleteUsers(this.#context, [user]))) return;
    this.settle();
    this.#context.go(addressOf("users"));
  }
}
