/** A new user for probes: a name, and the groups that the applications admit. Password and factor are the brokers' own. */

import { ApiError } from "../../api/client.js";
import { Form } from "../../ui/form.js";
import { h } from "../../ui/dom.js";
import { formTexts, ObjectPanel, wrongOf } from "../object_panel.js";
import { addressOf } from "../router.js";
import { t } from "../strings.js";
import { Suggestions } from "../suggestions.js";

/** @typedef {import("../context.js").Context} Context */

/** In the address, which is else of an application: their names have no slash. */
export const NEW_ACCOUNT = "/+";

/** @extends {ObjectPanel<null>} */
export class ProbeAccountPanel extends ObjectPanel {
  #context;
  #suggestions;

  /** @param {Context} context */
  constructor(context) {
    super({ title: t("probes.account.new"), item: null, isNew: true, find: async () => null, draw: () => this.#draw() });
    this.#context = context;
    this.#suggestions = new Suggestions(context);
  }

  #draw() {
    if (!this.#context.may("users.write")) return [];
    return [h("p", {}, t("probes.account.text")), this.#form()];
  }

  #form() {
    return new Form({
      fields: [
        { name: "name", label: t("users.name"), kind: "text", attributes: { maxlength: "256", autocapitalize: "none" } },
        { name: "groups", label: t("users.groups"), kind: "names", hint: t("probes.account.groups.hint"), labels: { remove: t("form.remove") },
          suggestions: (typed) => this.#suggestions.like("groups", typed) },
      ],
      values: { name: "", groups: [] },
      texts: formTexts(t("probes.account.create")),
      send: (values) => this.#send(values),
      cancel: () => this.#context.go(addressOf("probes")),
    });
  }

  /** @param {Record<string, any>} values */
  async #send({ name, groups }) {
    try {
      const { user } = await this.#context.change("POST", "/probe-accounts", { name: name.trim(), groups });
      this.#made(user.name);
      return null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return wrongOf(error);
    }
  }

  /** @param {string} name */
  #made(name) {
    this.settle();
    this.#context.toasts.show(t("probes.account.made", { name }));
    this.#context.go(this.#context.may("probes.write") ? addressOf("probes", `+/${name}`) : addressOf("probes"));
  }
}
