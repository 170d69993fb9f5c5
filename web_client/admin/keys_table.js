/** The keys of the console, as a table. */

import { h } from "../ui/dom.js";
import { t } from "./strings.js";

/** @type {[string[], string][]} */
const KEYS = [
  [["/"], "keys.search"],
  [["j", "k", "↓", "↑"], "keys.move"],
  [["Enter"], "keys.open"],
  [["Space", "x"], "keys.select"],
  [["Ctrl+A"], "keys.all"],
  [["n"], "keys.new"],
  [["Ctrl+Enter"], "keys.save"],
  [["Esc"], "keys.close"],
  [["z"], "keys.undo"],
  [["?"], "keys.help"],
];

/** @param {import("./screens.js").Entry[]} entries */
export function keysTable(entries) {
  const ways = entries.flatMap(({ id, key }) => (key ? [row(["g", key], t("keys.go", { screen: t(`screen.${id}`) }))] : []));
  return h("dl", { class: "keys-table" }, ...KEYS.flatMap(([keys, text]) => row(keys, t(text))), ...ways.flat());
}

/**
 * @param {string[]} keys
 * @param {string} text
 */
function row(keys, text) {
  return [h("dt", {}, ...keys.flatMap((key) => [h("kbd", {}, key), " "])), h("dd", {}, text)];
}
