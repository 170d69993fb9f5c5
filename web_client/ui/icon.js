/** An application's icon, or a coloured letter for one that has none. Decoration: the name stands beside it. */

import { h } from "./dom.js";

const HUES = 8;

/** @param {{name: string, icon: string | null}} application */
export function iconOf({ name, icon }) {
  if (icon === null) return letter(name);
  const image = h("img", { class: "icon", src: icon, alt: "", loading: "lazy", draggable: "false" });
  image.addEventListener("error", () => image.replaceWith(letter(name)), { once: true });
  return image;
}

/** @param {string} name */
function letter(name) {
  const first = Array.from(name.trim())[0] ?? "?";
  return h("span", { class: `icon letter hue-${hueOf(name)}`, "aria-hidden": "true" }, first.toUpperCase());
}

/**
 * The same name has the same colour everywhere.
 * @param {string} name
 */
function hueOf(name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + /** @type {number} */ (character.codePointAt(0))) >>> 0;
  return hash % HUES;
}
