/** A step of a sign-in or an enrolment that is a form: it submits once at a time and shows every refusal in one alert. */

import { h } from "../ui/dom.js";
import { ApiError } from "./api.js";
import { errorText, t } from "./strings.js";

/** @typedef {import("../ui/dom.js").Child} Child */

export class StepForm {
  #act;
  #refusal;
  #busy = false;
  #alert = h("p", { role: "alert", class: "alert" });
  #submit = h("button", { type: "submit", class: "primary" });
  element = h("form", { class: "card signin", novalidate: true, submit: (event) => this.#submitted(event) });

  /**
   * @param {() => Promise<void>} act may throw ApiError, whose text is shown
   * @param {(error: ApiError) => string} [refusal] that text, if another one says more
   */
  constructor(act, refusal = refusalText) {
    this.#act = act;
    this.#refusal = refusal;
  }

  /**
   * @param {string} submit text of the button
   * @param {Child[]} above
   * @param {Child[]} [below]
   */
  fill(submit, above, below = []) {
    this.#submit.textContent = submit;
    this.#alert.textContent = "";
    const children = [...above, this.#alert, this.#submit, ...below];
    this.element.replaceChildren(.../** @type {Node[]} */ (children.filter((each) => each)));
  }

  /**
   * @param {string} text
   * @param {HTMLInputElement} [input] to put right
   */
  refuse(text, input) {
    this.#alert.textContent = text;
    input?.select();
    input?.focus();
  }

  /** @param {Event} event */
  async #submitted(event) {
    event.preventDefault();
    if (this.#busy) return;
    this.#setBusy(true);
    this.#alert.textContent = "";
    try {
      await this.#act();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.refuse(this.#refusal(error), this.#lastInput());
    } finally {
      this.#setBusy(false);
    }
  }

  #lastInput() {
    return Array.from(this.element.querySelectorAll("input")).findLast((input) => !input.readOnly && input.type !== "checkbox");
  }

  /** @param {boolean} busy */
  #setBusy(busy) {
    this.#busy = busy;
    this.#submit.setAttribute("aria-busy", String(busy));
  }
}

/** @param {ApiError} error */
function refusalText(error) {
  const seconds = Math.ceil(error.retryAfterSeconds);
  return seconds ? t("error.sign_in_blocked.wait", { seconds }) : errorText(error);
}

/**
 * @param {string} id also its name, unless the attributes say another
 * @param {string} label
 * @param {Record<string, string | boolean>} attributes
 * @returns {{field: HTMLElement, input: HTMLInputElement}}
 */
export function labelled(id, label, attributes) {
  const input = h("input", { id, name: id, type: "text", required: true, ...attributes });
  return { field: h("div", { class: "field" }, h("label", { for: id }, label), input), input };
}

/** @param {number} number of three */
export function stepNumber(number) {
  return h("p", { class: "hint" }, t("enrol.step", { number }));
}
