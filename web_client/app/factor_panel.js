/** Asks for a verification code before an application starts: a policy wants one that was given lately. */

import { ApiError } from "../api/client.js";
import { h } from "../ui/dom.js";
import { errorText, t } from "./strings.js";

/**
 * @param {string} name of the application
 * @param {{prove: (code: string) => Promise<void>, proven: () => void, back: () => void}} actions `prove` rejects with
 *   ApiError; `proven`: the code was right
 */
export function factorPanel(name, { prove, proven, back }) {
  const code = h("input", {
    id: "factor-code", name: "code", type: "text", required: true, class: "code", autocomplete: "one-time-code",
    inputmode: "numeric", maxlength: "60", "aria-describedby": "factor-hint",
  });
  const alert = h("p", { role: "alert", class: "alert" });
  const submit = h("button", { type: "submit", class: "primary" }, t("factor.submit"));
  let isBusy = false;

  /** @param {Event} event */
  const submitted = async (event) => {
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    submit.setAttribute("aria-busy", "true");
    alert.textContent = "";
    try {
      await prove(code.value.replaceAll(/\s/g, ""));
      proven();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      alert.textContent = refusal(error);
      code.select();
      code.focus();
    } finally {
      isBusy = false;
      submit.removeAttribute("aria-busy");
    }
  };

  return h("section", { class: "card panel", tabindex: "-1" },
    h("h1", {}, t("factor.title")),
    h("p", {}, t("factor.text", { name })),
    h("form", { class: "factor", submit: submitted },
      alert,
      h("div", { class: "field" }, h("label", { for: "factor-code" }, t("signin.code")), code),
      h("p", { id: "factor-hint", class: "hint" }, t("factor.hint")),
      h("div", { class: "buttons" }, submit, h("button", { type: "button", click: back }, t("failure.back")))));
}

/** @param {ApiError} error */
function refusal(error) {
  const seconds = Math.ceil(error.retryAfterSeconds);
  return error.code === "sign_in_blocked" && seconds ? t("error.sign_in_blocked.wait", { seconds }) : errorText(error);
}
