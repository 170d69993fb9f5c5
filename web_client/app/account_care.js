/** What people do about their own account: sign out wherever they are signed in, and make new recovery codes. */

import { copyButton } from "../ui/copy_button.js";
import { h } from "../ui/dom.js";
import { ApiError } from "./api.js";
import { confirmSignOutEverywhere } from "./confirm.js";
import { saveCodes } from "./recovery_codes.js";
import { errorText, t } from "./strings.js";

/** @typedef {import("./api.js").Api} Api */

export class AccountCare {
  #api;
  #login;
  #signOutEverywhere;
  #alert = h("p", { role: "alert", class: "alert" });
  #codes = h("div", { role: "status" });
  #code = h("input", { id: "account-code", type: "text", class: "code", autocomplete: "one-time-code", inputmode: "numeric", maxlength: "64", required: true });
  #form = h("form", { class: "buttons", hidden: true, submit: (/** @type {Event} */ event) => this.#renew(event) },
    h("label", { for: "account-code" }, t("account.codes.code")), this.#code, h("button", { type: "submit" }, t("account.codes.make")));
  element;

  /**
   * @param {Api} api
   * @param {import("./api.js").SignedIn} login
   * @param {() => void} signOutEverywhere
   */
  constructor(api, login, signOutEverywhere) {
    this.#api = api;
    this.#login = login;
    this.#signOutEverywhere = signOutEverywhere;
    this.element = h("details", { class: "account-care" }, h("summary", {}, t("account.title")), this.#alert,
      h("p", { class: "muted" }, t("account.everywhere.text")),
      h("div", { class: "buttons" }, h("button", { type: "button", class: "danger", click: () => this.#everywhere() }, t("account.everywhere"))),
      h("p", { class: "muted" }, t("account.codes.text")),
      h("div", { class: "buttons" }, h("button", { type: "button", click: () => this.#ask() }, t("account.codes"))), this.#form, this.#codes);
  }

  async #everywhere() {
    if (await confirmSignOutEverywhere(this.element)) this.#signOutEverywhere();
  }

  #ask() {
    this.#form.hidden = false;
    this.#codes.replaceChildren();
    this.#code.focus();
  }

  /** @param {Event} event */
  async #renew(event) {
    event.preventDefault();
    this.#alert.replaceChildren();
    try {
      this.#show(await this.#api.newRecoveryCodes(this.#code.value.trim()));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#alert.replaceChildren(errorText(error));
      this.#code.select();
    }
  }

  /** @param {string[]} codes */
  #show(codes) {
    const { user, tenant } = this.#login;
    this.#form.hidden = true;
    this.#code.value = "";
    const text = `${t("enrol.recovery.file", { user: user.name, tenant: tenant.name })}\n\n${codes.join("\n")}\n`;
    const labels = { copy: t("enrol.recovery.copy"), copied: t("copied"), failed: t("copy.failed") };
    this.#codes.replaceChildren(
      h("p", {}, t("account.codes.made")),
      h("ol", { class: "codes" }, ...codes.map((code) => h("li", {}, h("code", {}, code)))),
      h("div", { class: "buttons" }, copyButton(codes.join("\n"), labels),
        h("button", { type: "button", click: () => saveCodes(text) }, t("enrol.recovery.download")),
        h("button", { type: "button", click: () => this.#codes.replaceChildren() }, t("enrol.recovery.stored"))));
  }
}
