/** The emergency of a site: every login, ticket and grant is void at once. Platform administrators type its name first. */

import { ApiError } from "../../api/client.js";
import { h } from "../../ui/dom.js";
import { errorText, t } from "../strings.js";

/** @param {import("../context.js").Context} context what is shown to those who may */
export function emergency(context) {
  if (!context.may("platform.panic") || !context.may("platform.site.read")) return [];
  return [h("details", { class: "card-part emergency" }, h("summary", {}, t("panic.title")), h("p", {}, t("panic.text")),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "danger", click: () => panic(context, false) }, t("panic.act")),
      h("button", { type: "button", class: "danger", click: () => panic(context, true) }, t("panic.tokens"))))];
}

/**
 * @param {import("../context.js").Context} context
 * @param {boolean} tokens whether API tokens are revoked as well
 */
async function panic(context, tokens) {
  try {
    const { site } = await context.get("/status");
    const goesOn = await context.ask({
      title: t("panic.ask"), consequences: [t("panic.consequences"), t(tokens ? "panic.tokens.go" : "panic.tokens.stay")],
      act: t(tokens ? "panic.tokens" : "panic.act"), danger: true, repeat: { label: t("panic.repeat", { site }), text: site },
    });
    // The answer is the last thing that this login hears: the console leads to the sign-in page by itself.
    if (goesOn) await context.change("POST", "/panic", { confirm: site, api_tokens: tokens });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    context.toasts.show(errorText(error), { bad: true });
  }
}
