/** The three steps of an enrolment as they look. What the service says to each is asked by `EnrolmentView`. */

import { copyButton } from "../ui/copy_button.js";
import { h } from "../ui/dom.js";
import { qrCode } from "../ui/qr.js";
import { StepForm, labelled, stepNumber } from "./step_form.js";
import { saveCodes } from "./recovery_codes.js";
import { t } from "./strings.js";

/** @typedef {import("./enrolment.js").Invitation} Invitation */
/** @typedef {import("./enrolment.js").Factor} Factor */

const MINIMUM_CHARACTERS = 8;

export class PasswordStep {
  title = t("enrol.title");
  #password = labelled("new-password", t("enrol.password"), {
    type: "password", autocomplete: "new-password", maxlength: "1024", "aria-describedby": "password-hint",
  });
  #form;

  /**
   * @param {Invitation} invitation
   * @param {(password: string) => Promise<void>} choose
   */
  constructor({ user, tenant, theme, expires }, choose) {
    const { field, input } = this.#password;
    this.#form = new StepForm(async () => {
      // Characters as the service counts them: a letter beyond the basic plane is one.
      if (Array.from(input.value).length < MINIMUM_CHARACTERS) this.#form.refuse(t("error.password_short"), input);
      else await choose(input.value);
    });
    // Readonly, not text: password managers take the name from it.
    const name = labelled("username", t("signin.username"), { autocomplete: "username", value: user.name, readonly: true });
    field.append(this.#reveal(input), h("p", { id: "password-hint", class: "hint" }, t("enrol.password.hint")));
    this.#form.fill(t("enrol.next"), [
      stepNumber(1), h("h1", {}, t("enrol.welcome", { user: user.name })),
      h("p", {}, t("enrol.organisation", { tenant: theme?.title || tenant.name, until: moment(expires) })), name.field, field,
    ]);
    this.element = this.#form.element;
  }

  focus() {
    this.#password.input.focus();
  }

  /** @param {HTMLInputElement} input */
  #reveal(input) {
    const box = h("input", {
      type: "checkbox", id: "show-password", change: () => (input.type = box.checked ? "text" : "password"),
    });
    return h("div", { class: "check" }, box, h("label", { for: "show-password" }, t("enrol.password.show")));
  }
}

export class CodesStep {
  title = t("enrol.factor.title");
  #acts;
  #factor;
  #form = new StepForm(() => this.#submitted());
  #first = "";
  /** Until the authenticator shows the next code. */
  #nextAt = 0;
  #timer = 0;
  #countdown = h("p", { class: "hint" });
  #code = labelled("code", "", {});

  /**
   * @param {Factor} factor
   * @param {object} acts
   * @param {(code: string) => Promise<number | undefined>} acts.check answers the seconds until the next code
   * @param {(codes: string[]) => Promise<void>} acts.complete
   * @param {() => void} acts.back
   */
  constructor(factor, acts) {
    this.#factor = factor;
    this.#acts = acts;
    this.element = this.#form.element;
    this.#askFirst();
  }

  focus() {
    this.#code.input.focus();
  }

  stop() {
    clearInterval(this.#timer);
  }

  #askFirst() {
    this.stop();
    this.#first = "";
    this.#code = codeField("first-code", t("enrol.code.first"));
    const { totp_secret: secret, totp_uri: uri, qr } = this.#factor;
    const labels = { copy: t("enrol.key.copy"), copied: t("copied"), failed: t("copy.failed") };
    this.#form.fill(t("enrol.next"), [
      stepNumber(2), h("h1", {}, t("enrol.factor.title")), h("p", {}, t("enrol.factor.text")),
      qrCode(qr, t("enrol.qr")),
      h("details", {}, h("summary", {}, t("enrol.key.why")),
        h("div", { class: "key" }, h("code", {}, grouped(secret)), copyButton(secret, labels),
          h("a", { href: uri }, t("enrol.key.open")))),
      this.#code.field,
    ], [h("button", { type: "button", class: "quiet", click: this.#acts.back }, t("enrol.password.change"))]);
    this.focus();
  }

  /** @param {number} seconds */
  #askSecond(seconds) {
    this.#nextAt = Date.now() + seconds * 1000;
    this.#code = codeField("second-code", t("enrol.code.second"));
    this.#form.fill(t("enrol.finish"), [
      stepNumber(2), h("h1", {}, t("enrol.code.right")),
      h("p", { id: "second-text" }, t("enrol.code.wait")), this.#countdown, this.#code.field,
    ], [h("button", { type: "button", class: "quiet", click: () => this.#askFirst() }, t("enrol.code.again"))]);
    this.#tick();
    this.#timer = setInterval(() => this.#tick(), 500);
    this.focus();
  }

  #tick() {
    const seconds = this.#secondsLeft();
    this.#countdown.textContent = seconds > 0 ? t("enrol.code.seconds", { seconds }) : t("enrol.code.now");
  }

  #secondsLeft() {
    return Math.max(0, Math.ceil((this.#nextAt - Date.now()) / 1000));
  }

  async #submitted() {
    const { input } = this.#code;
    const code = input.value.replaceAll(/\s/g, "");
    if (!/^[0-9]{6}$/.test(code)) return this.#form.refuse(t("enrol.code.shape"), input);
    if (this.#first === "") await this.#checkFirst(code);
    else await this.#finish(code);
  }

  /** @param {string} code */
  async #checkFirst(code) {
    const seconds = await this.#acts.check(code);
    if (seconds === undefined) return;
    this.#first = code;
    this.#askSecond(seconds);
  }

  /** @param {string} code */
  async #finish(code) {
    if (code === this.#first) {
      const seconds = this.#secondsLeft();
      const text = seconds > 0 ? t("enrol.code.same.wait", { seconds }) : t("enrol.code.same");
      return this.#form.refuse(text, this.#code.input);
    }
    await this.#acts.complete([this.#first, code]);
  }
}

export class RecoveryStep {
  title = t("enrol.recovery.title");
  #heading = h("h1", { tabindex: "-1" }, t("enrol.recovery.title"));
  #warn = (/** @type {Event} */ event) => event.preventDefault();

  /**
   * @param {Invitation} invitation
   * @param {string[]} codes
   * @param {() => void} stored
   */
  constructor({ user, tenant }, codes, stored) {
    const text = `${t("enrol.recovery.file", { user: user.name, tenant: tenant.name })}\n\n${codes.join("\n")}\n`;
    const labels = { copy: t("enrol.recovery.copy"), copied: t("copied"), failed: t("copy.failed") };
    this.element = h("section", { class: "card signin" },
      stepNumber(3), this.#heading, h("p", {}, t("enrol.recovery.text")),
      h("ol", { class: "codes" }, ...codes.map((code) => h("li", {}, h("code", {}, code)))),
      h("div", { class: "buttons" }, copyButton(codes.join("\n"), labels),
        h("button", { type: "button", click: () => saveCodes(text) }, t("enrol.recovery.download"))),
      h("p", { class: "hint" }, t("enrol.recovery.once")),
      h("button", { type: "button", class: "primary", click: stored }, t("enrol.recovery.stored")));
    addEventListener("beforeunload", this.#warn);
  }

  focus() {
    this.#heading.focus();
  }

  stop() {
    removeEventListener("beforeunload", this.#warn);
  }
}

/**
 * @param {string} id
 * @param {string} label
 */
function codeField(id, label) {
  return labelled(id, label, { autocomplete: "one-time-code", inputmode: "numeric", maxlength: "12", class: "code" });
}

/** @param {string} secret */
function grouped(secret) {
  return (secret.match(/.{1,4}/g) ?? []).join(" ");
}

/** @param {number} seconds of Unix time */
function moment(seconds) {
  return new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
