/** What if a form were saved as it stands: the answer in a dialog, before anything is. */

import { ApiError } from "../api/client.js";
import { showDialog } from "../ui/dialog.js";
import { h } from "../ui/dom.js";
import { mayOpen } from "./links.js";
import { errorText, t } from "./strings.js";
import { whatIfView } from "./whatif_view.js";

/** @typedef {import("./context.js").Context} Context */

/**
 * Puts the button beside those of a form, for who may ask.
 * @param {Context} context
 * @param {HTMLElement} form
 * @param {() => object[]} documents as the form stands
 */
export function addWhatIf(context, form, documents) {
  if (!context.may("configuration.plan")) return;
  form.querySelector(".form-buttons")?.append(h("button", { type: "button", class: "whatif-button", click: () => show(context, documents()) }, t("whatif.ask")));
}

/**
 * @param {Context} context
 * @param {object[]} documents
 */
function show(context, documents) {
  const asking = new AbortController();
  const content = h("div", { class: "whatif-answer", role: "group", tabindex: "0", "aria-label": t("screen.whatif") },
    h("p", { class: "loading", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), t("list.loading")));
  ask(context, documents, asking.signal).then((answer) => content.replaceChildren(answer));
  return showDialog(t("whatif.saved"), (close) => [content,
    h("div", { class: "buttons" }, h("button", { type: "button", autofocus: true, click: () => close() }, t("whatif.close")))], "wide").then(() => asking.abort());
}

/**
 * @param {Context} context
 * @param {object[]} documents
 * @param {AbortSignal} signal
 */
async function ask(context, documents, signal) {
  try {
    for await (const { event, values } of context.client.asking("/admin/what-if", { documents, replay: "both" }, signal)) {
      if (event === "result") return whatIfView(values, mayOpen(context), "h3");
      if (event === "failed") throw new ApiError(values.code, values.message, values);
    }
    throw new ApiError("network", "");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { field, expected } = error;
    return h("p", { role: "alert", class: "alert" }, field ? `${field}: ${t("form.expected", { expected })}` : errorText(error));
  }
}
