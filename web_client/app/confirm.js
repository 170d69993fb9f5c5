/** Asks before work may be lost: a modal dialog, closed by its buttons or by Escape. An Enter too many loses nothing. */

import { h } from "../ui/dom.js";
import { t } from "./strings.js";

/**
 * Whether to end this session. The question goes away with the view that asks it.
 * @param {HTMLElement} view
 * @param {string} name of the application
 * @returns {Promise<boolean>}
 */
export function confirmLogOff(view, name) {
  const dialog = h("dialog", { class: "card panel", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" },
    h("h1", { id: "confirm-title" }, t("logoff.title", { name })),
    h("p", { id: "confirm-text" }, t("logoff.text")),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "danger", click: () => dialog.close("yes") }, t("toolbar.logoff")),
      h("button", { type: "button", autofocus: true, click: () => dialog.close() }, t("logoff.cancel"))));
  view.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    }, { once: true });
  });
}
