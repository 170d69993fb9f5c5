/** Whose policy to make: a level, and a name at it. */

import { h } from "../ui/dom.js";
import { labelled } from "./labelled.js";
import { addressOf } from "./router.js";
import { t } from "./strings.js";
import { suggestField } from "./suggest.js";

const LISTS = new Map([["group", "/admin/groups"], ["application", "/admin/applications"], ["user", "/admin/users"]]);

/** @param {import("./context.js").Context} context */
export function policyChooser(context) {
  const level = h("select", {}, ...["group", "application", "user", "tenant"].map((value) => h("option", { value }, t(`policies.level.${value}`))));
  const place = h("div", {});
  /** @type {HTMLInputElement | null} */
  let input = null;

  const show = () => {
    const list = LISTS.get(level.value);
    const field = list === undefined ? null : suggestField(context.client, list, { required: true });
    input = field?.input ?? null;
    place.replaceChildren(...(field ? [labelled(t("policies.of"), field.input, "", field.options)] : []));
  };
  level.addEventListener("change", show);
  show();

  /** @param {Event} event */
  const choose = (event) => {
    event.preventDefault();
    const name = input === null ? "-" : input.value.trim();
    if (name === "") input?.focus();
    else context.go(addressOf("policies", `${level.value}/${name}`));
  };
  return h("form", { class: "form", novalidate: true, submit: choose }, labelled(t("policies.level"), level), place,
    h("div", { class: "buttons form-buttons" }, h("button", { type: "submit", class: "primary" }, t("policies.edit"))));
}
