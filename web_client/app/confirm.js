/** Asks before work may be lost: a modal dialog, closed by its buttons or by Escape. An Enter too many loses nothing. */

import { h } from "../ui/dom.js";
import { t } from "./strings.js";

/**
 * Whether to end this session. The question goes away with the view that asks it.
 * @param {HTMLElement} view
 * @param {string} name of the application
 */
export function confirmLogOff(view, name) {
  return confirmed(view, t("logoff.title", { name }), t("logoff.text"), t("toolbar.logoff"));
}

/**
 * Whether to forget a password that is kept.
 * @param {HTMLElement} view
 * @param {string} name of the application
 */
export function confirmForgetting(view, name) {
  return confirmed(view, t("kept.forget.title", { name }), t("kept.forget.text"), t("kept.forget"), t("kept.cancel"));
}

/**
 * Whether to end every login of the user.
 * @param {HTMLElement} view
 */
export function confirmSignOutEverywhere(view) {
  return confirmed(view, t("account.everywhere.title"), t("account.everywhere.confirm"), t("account.everywhere"), t("account.cancel"));
}

/**
 * @param {HTMLElement} view
 * @param {string} title
 * @param {string} text
 * @param {string} yes
 * @param {string} [no]
 * @returns {Promise<boolean>}
 */
function confirmed(view, title, text, yes, no = t("logoff.cancel")) {
  const dialog = h("dialog", { class: "card panel", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" },
    h("h1", { id: "confirm-title" }, title),
    h("p", { id: "confirm-text" }, text),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "danger", click: () => dialog.close("yes") }, yes),
      h("button", { type: "button", autofocus: true, click: () => dialog.close() }, no)));
  view.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    }, { once: true });
  });
}
