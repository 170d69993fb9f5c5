/** What the user keeps for RDP servers: shown by name, changed and forgotten here, never shown itself. */

import { h } from "../ui/dom.js";
import { ApiError } from "./api.js";
import { confirmForgetting } from "./confirm.js";
import { credentialsForm, focusCredentials } from "./credentials_form.js";
import { errorText, t } from "./strings.js";

/** @typedef {import("./api.js").Api} Api */
/** @typedef {import("./api.js").Application} Application */
/** @typedef {import("./api.js").Kept} Kept */

export class KeptCredentials {
  #api;
  #list = h("ul", {});
  #alert = h("p", { role: "alert", class: "alert" });
  /** @type {Application[]} */
  #applications = [];
  /** @type {Kept[]} */
  #items = [];
  /** The application whose credentials are being changed. */
  #changing = "";
  #loads = 0;
  element = h("section", { class: "running kept", "aria-labelledby": "kept-title", hidden: true },
    h("h2", { id: "kept-title" }, t("kept.title")), this.#alert, this.#list);

  /** @param {Api} api */
  constructor(api) {
    this.#api = api;
  }

  /** Where no application takes kept ones nothing is asked. @param {Application[]} applications */
  async show(applications) {
    this.#applications = applications;
    if (!applications.some(({ credentials }) => credentials?.kind === "vault")) return this.#draw([]);
    const load = ++this.#loads;
    try {
      const items = await this.#api.keptCredentials();
      if (load === this.#loads) this.#draw(items);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @param {Kept[]} items */
  #draw(items) {
    this.#items = items;
    this.element.hidden = items.length === 0;
    this.#list.replaceChildren(...items.map((kept) => this.#row(kept)));
    if (this.#changing) focusCredentials(this.#list);
  }

  /** @param {Kept} kept */
  #row(kept) {
    const { application: { id, name }, user_name: user, saved, usable } = kept;
    const asked = this.#applications.find((each) => each.id === id)?.credentials;
    const when = new Intl.DateTimeFormat(navigator.language, { dateStyle: "medium" }).format(saved * 1000);
    const about = h("div", { class: "about" }, h("strong", {}, name),
      h("span", { class: "muted" }, usable ? t(user ? "kept.about.user" : "kept.about", { user, when }) : t("kept.unusable")));
    const buttons = h("div", { class: "buttons" },
      asked && h("button", { type: "button", "aria-label": t("kept.change.name", { name }), click: () => this.#change(id) }, t("kept.change")),
      h("button", { type: "button", "aria-label": t("kept.forget.name", { name }), click: () => this.#forget(kept) }, t("kept.forget")));
    if (this.#changing !== id || !asked) return h("li", { class: "card session-row" }, about, buttons);
    return h("li", { class: "card session-row changing" }, about, credentialsForm(asked, {
      userName: user, offersToKeep: false, submitText: t("kept.save"),
      submit: (entered) => this.#save(id, entered), backText: t("kept.cancel"), back: () => this.#change(""),
    }));
  }

  /** @param {string} id "" for none */
  #change(id) {
    this.#changing = id;
    this.#draw(this.#items);
  }

  /**
   * @param {string} id
   * @param {import("./api.js").Entered} entered
   */
  async #save(id, entered) {
    await this.#api.keepCredentials(id, entered);
    this.#changing = "";
    await this.show(this.#applications);
  }

  /** @param {Kept} kept */
  async #forget({ application: { id, name } }) {
    if (!(await confirmForgetting(this.element, name))) return;
    try {
      await this.#api.forgetCredentials(id);
    } catch (error) {
      return this.#failed(error);
    }
    await this.show(this.#applications);
  }

  /** @param {unknown} error */
  #failed(error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.code !== "signed_out") this.#alert.textContent = errorText(error);
  }
}
