/** Asks for what signs in to an RDP server: before a launch, or to be kept. What is typed is in the page for that long. */

import { ApiError } from "../api/client.js";
import { h } from "../ui/dom.js";
import { errorText, t } from "./strings.js";

/** @typedef {import("./api.js").Asked} Asked */
/** @typedef {import("./api.js").Entered} Entered */

const LONGEST = "256";

/**
 * @param {Asked} asked
 * @param {object} options
 * @param {string} options.userName where the user is asked for one: what stands there at first
 * @param {boolean} options.offersToKeep
 * @param {string} options.submitText
 * @param {(entered: Entered, keep: boolean) => Promise<void>} options.submit rejects with ApiError
 * @param {string} options.backText
 * @param {() => void} options.back
 */
export function credentialsForm(asked, { userName, offersToKeep, submitText, submit, backText, back }) {
  const name = h("input", {
    id: "credentials-name", type: "text", required: true, maxlength: LONGEST, autocomplete: "off", autocapitalize: "none",
    spellcheck: "false", value: userName,
  });
  const password = h("input", { id: "credentials-password", type: "password", required: true, maxlength: LONGEST, autocomplete: "off" });
  const keep = h("input", { id: "credentials-keep", type: "checkbox", checked: true });
  const alert = h("p", { role: "alert", class: "alert" });
  const button = h("button", { type: "submit", class: "primary" }, submitText);
  let isBusy = false;

  /** @param {Event} event */
  const submitted = async (event) => {
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    button.setAttribute("aria-busy", "true");
    alert.textContent = "";
    const entered = { ...(asked.user_name === null && { user_name: name.value.trim() }), password: password.value };
    password.value = "";
    try {
      await submit(entered, offersToKeep && keep.checked);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      alert.textContent = errorText(error);
      password.focus();
    } finally {
      isBusy = false;
      button.removeAttribute("aria-busy");
    }
  };

  return h("form", { class: "credentials", autocomplete: "off", submit: submitted },
    alert,
    asked.user_name === null
      ? h("div", { class: "field" }, h("label", { for: "credentials-name" }, t("credentials.name")), name)
      : h("p", { class: "muted" }, t("credentials.as", { user: asked.user_name })),
    h("div", { class: "field" }, h("label", { for: "credentials-password" }, t("credentials.password")), password),
    offersToKeep && h("p", { class: "keep" }, keep, " ", h("label", { for: "credentials-keep" }, t("credentials.keep"))),
    h("div", { class: "buttons" }, button, h("button", { type: "button", click: back }, backText)));
}

/** @param {HTMLElement} element that holds the form */
export function focusCredentials(element) {
  const inputs = /** @type {NodeListOf<HTMLInputElement>} */ (element.querySelectorAll("form.credentials input:not([type=checkbox])"));
  ([...inputs].find((input) => input.value === "") ?? inputs[0])?.focus();
}

/**
 * Over a launch that waits for them.
 * @param {string} name of the application
 * @param {Asked} asked
 * @param {{userName: string, submit: (entered: Entered, keep: boolean) => Promise<void>, back: () => void}} actions
 */
export function credentialsPanel(name, asked, { userName, submit, back }) {
  return h("section", { class: "card panel", tabindex: "-1" },
    h("h1", {}, t("credentials.title", { name })),
    h("p", {}, t(asked.kind === "vault" ? "credentials.text.vault" : "credentials.text", { server: asked.server })),
    credentialsForm(asked, {
      userName, offersToKeep: asked.kind === "vault", submitText: t("credentials.submit"), submit,
      backText: t("failure.back"), back,
    }));
}
