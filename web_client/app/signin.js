/** The sign-in page: user name and password, then the verification or a recovery code. Every refusal stands in one alert. */

import { h } from "../ui/dom.js";
import { brand } from "../ui/theme.js";
import { generateKey } from "../api/signing.js";
import { labelled, StepForm } from "./step_form.js";
import { errorText, t } from "./strings.js";

/** @typedef {import("./api.js").Api} Api */
/** @typedef {import("./api.js").ApiError} ApiError */
/** @typedef {import("./api.js").Credentials} Credentials */
/** @typedef {import("./api.js").SignedIn} SignedIn */

export class SignIn {
  #api;
  #done;
  #organisations;
  #fields = h("div", { class: "fields" });
  #title = h("h1", {});
  #back = h("button", { type: "button", class: "quiet", hidden: true, click: () => this.#askPassword() }, t("signin.another"));
  #other = h("button", { type: "button", class: "quiet", hidden: true, click: () => this.#askCode(!this.#isRecovering) });
  #form = new StepForm(() => this.#try(), (error) => this.#refusal(error));
  /** Known and right, once the code is asked for. @type {Credentials | null} */
  #credentials = null;
  /** @type {CryptoKeyPair | null} */
  #key = null;
  /** A recovery code is asked for instead of the authenticator's. */
  #isRecovering = false;
  #known;

  /**
   * @param {Api} api
   * @param {object} parts
   * @param {string[]} parts.organisations empty: there is but one
   * @param {import("../ui/theme.js").Theme | null} [parts.theme] of the organisation that the host name chose
   * @param {string} parts.notice why the user is here, if not by choice
   * @param {{user?: {name: string}, tenant: {name: string}} | null} [parts.known] who it will be
   * @param {(login: SignedIn, key: CryptoKeyPair) => void} parts.done
   */
  constructor(api, { organisations, theme = null, notice, known = null, done }) {
    this.#api = api;
    this.#done = done;
    this.#organisations = organisations;
    this.#known = known;
    this.element = h("main", { class: "page signin-page" }, brand(theme, t("product"), 44),
      notice && h("p", { role: "status", class: "notice" }, notice), this.#form.element);
    if (isSecureContext) this.#askPassword();
    else this.#form.element.replaceChildren(this.#title, h("p", { role: "alert", class: "alert" }, t("signin.insecure")));
  }

  title = t("signin.title");

  focus() {
    const inputs = Array.from(this.#fields.querySelectorAll("input"));
    (inputs.find((input) => input.value === "") ?? inputs[0])?.focus();
  }

  stop() {}

  #askPassword() {
    this.#credentials = null;
    this.#show(t("signin.title"), [
      this.#organisations.length > 0 &&
        field("organisation", t("signin.organisation"), {
          autocomplete: "organization", autocapitalize: "none", value: this.#known?.tenant.name ?? "",
        }),
      field("username", t("signin.username"), {
        autocomplete: "username", autocapitalize: "none", spellcheck: "false", value: this.#known?.user?.name ?? "",
      }),
      field("password", t("signin.password"), { type: "password", autocomplete: "current-password" }),
    ]);
  }

  /** @param {boolean} recovering */
  #askCode(recovering) {
    this.#isRecovering = recovering;
    const code = recovering
      ? field("code", t("signin.recovery"), {
        autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: "60", "aria-describedby": "code-hint",
      })
      : field("code", t("signin.code"), {
        autocomplete: "one-time-code", inputmode: "numeric", maxlength: "12", "aria-describedby": "code-hint", class: "code",
      });
    const hint = recovering ? t("signin.recovery.hint") : t("signin.code.hint");
    this.#show(t("signin.title.code"), [code, h("p", { id: "code-hint", class: "hint" }, hint)]);
    this.#other.textContent = recovering ? t("signin.recovery.not") : t("signin.recovery.use");
  }

  /**
   * @param {string} title
   * @param {(HTMLElement | false)[]} fields
   */
  #show(title, fields) {
    this.#title.textContent = title;
    this.#back.hidden = this.#credentials === null;
    this.#other.hidden = this.#credentials === null;
    this.#fields.replaceChildren(...fields.filter((each) => each !== false));
    this.#form.fill(t("signin.submit"), [this.#title, this.#fields], [this.#other, this.#back]);
    this.focus();
  }

  async #try() {
    const credentials = this.#entered();
    this.#key ??= await generateKey();
    const answer = await this.#api.signIn(credentials, this.#key);
    if ("signed_in" in answer) return this.#done(answer, this.#key);
    this.#credentials = credentials;
    this.#askCode(false);
  }

  /** @returns {Credentials} */
  #entered() {
    const inputs = Array.from(this.#fields.querySelectorAll("input"));
    const values = Object.fromEntries(inputs.map(({ name, value }) => [name, value]));
    if (this.#credentials) return { ...this.#credentials, code: values.code.replaceAll(/\s/g, "") };
    const { organisation, username, password } = values;
    return organisation ? { organisation, username, password } : { username, password };
  }

  /** @param {ApiError} error */
  #refusal(error) {
    const seconds = Math.ceil(error.retryAfterSeconds);
    if (error.code === "sign_in_blocked" && seconds) return t("error.sign_in_blocked.wait", { seconds });
    // The password was right a moment ago, or the code would not have been asked for.
    if (error.code === "sign_in_refused" && this.#credentials)
      return this.#isRecovering ? t("error.recovery_refused") : t("error.code_used");
    return errorText(error);
  }
}

/**
 * @param {string} name
 * @param {string} label
 * @param {Record<string, string | boolean>} attributes
 */
function field(name, label, attributes) {
  return labelled(`signin-${name}`, label, { name, ...attributes }).field;
}
