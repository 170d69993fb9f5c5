/** A control under its label, with a hint. */

import { h } from "../ui/dom.js";

let count = 0;

/**
 * @param {string} label
 * @param {HTMLElement} control
 * @param {string} [hint]
 * @param {...Node} more
 */
export function labelled(label, control, hint = "", ...more) {
  control.id ||= `field-${++count}`;
  const told = hint === "" ? null : h("p", { class: "hint", id: `${control.id}-hint` }, hint);
  if (told) control.setAttribute("aria-describedby", told.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, told, ...more);
}
