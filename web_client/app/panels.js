/** What stands over a session that cannot be shown: failed, taken over, reconnecting. */

import { h } from "../ui/dom.js";
import { ADVICE } from "./advice.js";
import { errorText, t } from "./strings.js";

/**
 * @param {string} title
 * @param {{code: string, message: string, reference: string}} error
 * @param {{back: () => void, again: () => void, againText: string, anew?: () => void}} actions `anew`: give up what is in the way
 */
export function failurePanel(title, error, { back, again, againText, anew }) {
  const help = ADVICE[error.code] ?? (error.reference && t("failure.help"));
  return h("section", { class: "card panel failure", tabindex: "-1" },
    h("div", { role: "alert" },
      h("h1", {}, title),
      h("p", {}, errorText(error)),
      h("dl", {},
        ...fact(t("failure.code"), error.code),
        ...(error.reference ? fact(t("failure.reference"), error.reference) : [])),
      help !== "" && h("p", { class: "hint" }, help)),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "primary", click: back }, t("failure.back")),
      h("button", { type: "button", click: again }, againText),
      anew && h("button", { type: "button", class: "danger", click: anew }, t("failure.anew"))));
}

/**
 * @param {string} name
 * @param {() => void} here
 * @param {() => void} back
 */
export function takenOverPanel(name, here, back) {
  return h("section", { class: "card panel", tabindex: "-1" },
    h("div", { role: "alert" }, h("h1", {}, t("takenover.title")), h("p", {}, t("takenover.text", { name }))),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "primary", click: here }, t("takenover.here")),
      h("button", { type: "button", click: back }, t("failure.back"))));
}

/**
 * Lets input through to the session, which keeps it: a short loss does not interrupt typing.
 * @param {string} name
 * @param {() => void} back
 */
export function reconnectingOverlay(name, back) {
  const reason = h("p", { class: "muted" });
  const element = h("div", { class: "overlay", role: "status" },
    h("div", { class: "card panel" }, h("span", { class: "spinner", "aria-hidden": "true" }),
      h("div", {}, h("strong", {}, t("session.reconnecting")), h("p", {}, t("session.reconnecting.detail", { name })), reason),
      h("button", { type: "button", class: "quiet", click: back }, t("launch.cancel"))));
  return {
    element,
    /**
     * @param {boolean} shown
     * @param {string} code why, as far as is known
     */
    show(shown, code) {
      element.classList.toggle("shown", shown);
      reason.textContent = code && code !== "connection_lost" ? errorText({ code }) : "";
    },
  };
}

/**
 * @param {string} name
 * @param {string} value
 */
function fact(name, value) {
  return [h("dt", {}, name), h("dd", {}, h("code", {}, value))];
}
