/** A new user: name, groups, role; then the link that sets up the account. */

import { ApiError } from "../../api/client.js";
import { Form } from "../../ui/form.js";
import { h } from "../../ui/dom.js";
import { formTexts, wrongOf } from "../object_panel.js";
import { addressOf } from "../router.js";
import { t } from "../strings.js";
import { Suggestions } from "../suggestions.js";
import { enrolmentOnce } from "./enrolment_once.js";
import { roleChoices } from "./role_choices.js";

export class InvitePanel {
  #context;
  #form;
  #suggestions;
  title = t("users.invite");
  element = h("div", { class: "panel-body" });

  /** @param {import("../context.js").Context} context */
  constructor(context) {
    this.#context = context;
    this.#suggestions = new Suggestions(context);
    this.#form = this.#newForm();
    this.element.append(this.#form.element);
  }

  focus() {
    this.#form.focus();
  }

  async mayClose() {
    if (!this.#form.element.isConnected || !this.#form.isChanged) return true;
    return this.#context.ask({ title: t("form.leave.title"), consequences: [t("form.leave.text")], act: t("form.leave.act"), danger: true });
  }

  #newForm() {
    return new Form({
      fields: [
        { name: "name", label: t("users.name"), kind: "text", hint: t("users.name.hint"), attributes: { maxlength: "256", autocapitalize: "none" } },
        { name: "groups", label: t("users.groups"), kind: "names", labels: { remove: t("form.remove") }, suggestions: (typed) => this.#suggestions.like("groups", typed) },
        { name: "role", label: t("users.role"), kind: roleChoices(this.#context) },
      ],
      values: { name: "", groups: [], role: "user" },
      texts: formTexts(t("users.invite.act")),
      send: (values) => this.#send(values),
      cancel: () => this.#context.go(addressOf("users")),
    });
  }

  /** @param {Record<string, any>} values */
  async #send({ name, groups, role }) {
    try {
      const { user, enrolment } = await this.#context.change("POST", "/users", { name: name.trim(), groups, role });
      this.#context.changed();
      this.#showLink(user.name, enrolment);
      return null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return wrongOf(error);
    }
  }

  /**
   * @param {string} name
   * @param {{link: string, expires: number}} enrolment
   */
  #showLink(name, enrolment) {
    const once = enrolmentOnce(name, enrolment);
    this.element.replaceChildren(once, h("div", { class: "buttons" },
      h("button", { type: "button", class: "primary", click: () => this.#another() }, t("users.invite.another")),
      h("a", { class: "button", href: addressOf("users", name) }, t("users.show", { name }))));
    once.focus();
  }

  #another() {
    this.#form = this.#newForm();
    this.element.replaceChildren(this.#form.element);
    this.#form.focus();
  }
}
