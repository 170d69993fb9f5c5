/** Permissions to choose from, in the groups that their names begin with, each with what it allows. */

import { h } from "../ui/dom.js";

/**
 * @param {Record<string, string>} sentences by permission
 * @returns {(parts: import("../ui/form_fields.js").FieldParts) => import("../ui/form_fields.js").Control}
 */
export function permissionsField(sentences) {
  return ({ id, value, isFixed = false, changed }) => {
    const held = new Set(value ?? []);
    // One that this table does not name is kept: a newer broker knows it.
    const all = Array.from(new Set([...Object.keys(sentences), ...held]));
    const areas = Array.from(new Set(all.map(areaOf)));
    /** @type {HTMLInputElement[]} */
    const boxes = [];
    const box = (/** @type {string} */ name) => {
      const input = h("input", { type: "checkbox", id: `${id}-${name}`, value: name, checked: held.has(name), disabled: isFixed, change: changed });
      boxes.push(input);
      return h("label", { class: "permission" }, input, h("span", {}, h("code", {}, name), h("span", { class: "hint" }, sentences[name] ?? "")));
    };
    const element = h("div", { class: "permissions", id, role: "group", tabindex: "-1" }, ...areas.map((area) =>
      h("fieldset", {}, h("legend", {}, area), ...all.filter((name) => areaOf(name) === area).map(box))));
    return { element, focusable: element, read: () => boxes.filter(({ checked }) => checked).map(({ value: name }) => name) };
  };
}

/** @param {string} permission */
function areaOf(permission) {
  return permission.slice(0, permission.lastIndexOf("."));
}
