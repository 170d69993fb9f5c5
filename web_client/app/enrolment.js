/**
 * Setting up an account by a link: password, authenticator, recovery codes. Nothing is spent before the second code is
 * right, so each earlier step may be left and begun again.
 */

import { h } from "../ui/dom.js";
import { applyTheme, brand } from "../ui/theme.js";
import { ApiError } from "./api.js";
import { CodesStep, PasswordStep, RecoveryStep } from "./enrolment_steps.js";
import { forgetToken } from "./enrolment_link.js";
import { errorText, t } from "./strings.js";

/** @typedef {import("./api.js").Api} Api */
/** @typedef {{user: {name: string}, tenant: {name: string}, theme?: import("../ui/theme.js").Theme | null, expires: number, time: number}} Invitation */
/** @typedef {{totp_secret: string, totp_uri: string, qr: string[]}} Factor */
/** @typedef {{element: HTMLElement, title: string, focus: () => void, stop?: () => void}} Step */

export class EnrolmentView {
  title = t("enrol.title");
  element = h("main", { class: "page signin-page" });
  #api;
  #token;
  #done;
  #password = "";
  #isStopped = false;
  /** @type {Step | null} */
  #step = null;
  /** @type {Invitation | null} */
  #invitation = null;

  /**
   * @param {Api} api
   * @param {object} parts
   * @param {string} parts.token
   * @param {(invitation: Invitation | null) => void} parts.done to sign in; null: nothing was set up here
   */
  constructor(api, { token, done }) {
    this.#api = api;
    this.#token = token;
    this.#done = done;
    this.#open();
  }

  focus() {
    this.#step?.focus();
  }

  stop() {
    this.#isStopped = true;
    this.#step?.stop?.();
  }

  async #open() {
    this.#replace(h("p", { class: "loading", role: "status" },
      h("span", { class: "spinner", "aria-hidden": "true" }), t("loading")));
    await this.#guarded(async () => {
      if (this.#token === "") throw new ApiError("enrolment_refused", "");
      this.#invitation = await this.#ask("", {});
      applyTheme(this.#invitation?.theme);
      this.#askPassword();
    }, (error) => this.#showUnreachable(error));
  }

  #askPassword() {
    const invitation = /** @type {Invitation} */ (this.#invitation);
    this.#show(new PasswordStep(invitation, async (password) => {
      await this.#guarded(async () => {
        const factor = await this.#ask("/factor", { password });
        this.#password = password;
        this.#askCodes(factor);
      });
    }));
  }

  /** @param {Factor} factor */
  #askCodes(factor) {
    this.#show(new CodesStep(factor, {
      check: (code) => this.#guarded(async () => (await this.#ask("/code", { code })).next_in_seconds),
      complete: (codes) => this.#guarded(() => this.#complete(codes)),
      back: () => this.#askPassword(),
    }));
  }

  /** @param {string[]} codes */
  async #complete(codes) {
    const answer = await this.#ask("/completion", { password: this.#password, codes });
    this.#password = "";
    forgetToken();
    const invitation = /** @type {Invitation} */ (this.#invitation);
    this.#show(new RecoveryStep(invitation, answer.recovery_codes, () => this.#done(invitation)));
  }

  /**
   * @param {string} step
   * @param {object} content
   */
  #ask(step, content) {
    return this.#api.post(`/enrolment${step}`, { token: this.#token, ...content });
  }

  /**
   * A link that is not good any more ends everything here; other refusals are the step's to show.
   * @template T
   * @param {() => Promise<T>} act
   * @param {(error: ApiError) => void} [otherwise]
   * @returns {Promise<T | undefined>}
   */
  async #guarded(act, otherwise = (error) => { throw error; }) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code !== "enrolment_refused") return void otherwise(error);
      forgetToken();
      this.#showRefused(error);
    }
  }

  /** @param {ApiError} error */
  #showRefused(error) {
    const button = h("button", { type: "button", class: "primary", click: () => this.#done(null) }, t("enrol.refused.signin"));
    this.#show({
      title: t("enrol.refused.title"),
      element: h("section", { class: "card panel failure" },
        h("div", { role: "alert" }, h("h1", {}, t("enrol.refused.title")), h("p", {}, errorText(error)),
          h("p", {}, t("enrol.refused.help")),
          h("dl", {}, h("dt", {}, t("failure.code")), h("dd", {}, h("code", {}, error.code)))),
        h("div", { class: "buttons" }, button)),
      focus: () => button.focus(),
    });
  }

  /** @param {ApiError} error */
  #showUnreachable(error) {
    const again = h("button", { type: "button", class: "primary", click: () => this.#open() }, t("catalogue.retry"));
    const text = error.retryAfterSeconds
      ? t("error.sign_in_blocked.wait", { seconds: Math.ceil(error.retryAfterSeconds) }) : errorText(error);
    this.#show({
      title: t("enrol.title"),
      element: h("section", { class: "card panel" }, h("div", { role: "alert" }, h("p", {}, text)), again),
      focus: () => again.focus(),
    });
  }

  /** @param {Step} step */
  #show(step) {
    this.#step?.stop?.();
    if (this.#isStopped) return void step.stop?.();
    this.#step = step;
    this.#replace(step.element);
    document.title = `${step.title} · ${t("product")}`;
    step.focus();
  }

  /** @param {HTMLElement} content */
  #replace(content) {
    this.element.replaceChildren(brand(this.#invitation?.theme, t("product"), 44), content);
  }
}
