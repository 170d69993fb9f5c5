/**
 * Somebody else changed the same thing meanwhile: what was read, what it is now, what was to be saved.
 *
 * What only one side changed is taken from that side; only what both changed differently is asked for.
 */

import { h } from "./dom.js";
import { showDialog } from "./dialog.js";

/** @typedef {{name: string, before: any, theirs: any, mine: any, state: "mine" | "theirs" | "both"}} Difference */

/**
 * Pure.
 * @param {Record<string, any>} before as it was read
 * @param {Record<string, any>} theirs as it is now
 * @param {Record<string, any>} mine as it was to be
 * @returns {Difference[]} of fields that anybody changed
 */
export function differences(before, theirs, mine) {
  return Object.keys(mine).flatMap((name) => {
    const [old, now, wanted] = [before[name], theirs[name], mine[name]].map((value) => JSON.stringify(value ?? null));
    if (now === wanted || (old === now && old === wanted)) return [];
    const state = old === now ? "mine" : old === wanted ? "theirs" : "both";
    return [{ name, before: before[name], theirs: theirs[name], mine: mine[name], state: /** @type {Difference["state"]} */ (state) }];
  });
}

/**
 * @param {object} parts
 * @param {string} parts.title
 * @param {string} parts.explanation
 * @param {Record<string, string>} parts.texts field, before, theirs, mine, save, cancel, takeTheirs, takeMine
 * @param {Record<string, any>} parts.before
 * @param {Record<string, any>} parts.theirs
 * @param {Record<string, any>} parts.mine
 * @param {(name: string) => string} parts.label of a field
 * @returns {Promise<Record<string, any> | null>} the values to save, null: nothing
 */
export async function resolveConflict({ title, explanation, texts, before, theirs, mine, label }) {
  const found = differences(before, theirs, mine);
  /** @type {Map<string, "mine" | "theirs">} */
  const choices = new Map(found.map(({ name, state }) => [name, state === "mine" ? "mine" : "theirs"]));
  const answer = await showDialog(title, (close) => [
    h("p", {}, explanation),
    h("div", { class: "conflict-scroll", tabindex: "0", role: "group", "aria-label": title }, h("table", { class: "conflict" },
      h("thead", {}, h("tr", {}, ...["field", "before", "theirs", "mine"].map((name) => h("th", { scope: "col" }, texts[name])))),
      h("tbody", {}, ...found.map((each) => row(each, label(each.name), texts, choices))))),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "primary", click: () => close("save") }, texts.save),
      h("button", { type: "button", autofocus: true, click: () => close() }, texts.cancel)),
  ], "wide");
  if (answer !== "save") return null;
  return Object.fromEntries(Object.keys(mine).map((name) => {
    const isMine = choices.has(name) ? choices.get(name) === "mine" : true;
    return [name, isMine ? mine[name] : theirs[name]];
  }));
}

/**
 * @param {Difference} difference
 * @param {string} label
 * @param {Record<string, string>} texts
 * @param {Map<string, "mine" | "theirs">} choices
 */
function row({ name, before, theirs, mine, state }, label, texts, choices) {
  /** @param {"mine" | "theirs"} side @param {any} value @param {string} choose */
  const choice = (side, value, choose) => {
    const input = h("input", {
      type: "radio", name: `conflict-${name}`, value: side, checked: choices.get(name) === side, "aria-label": `${label}: ${choose}`,
      change: () => choices.set(name, side),
    });
    return h("td", {}, h("label", {}, input, h("span", {}, shown(value))));
  };
  return h("tr", { class: state }, h("th", { scope: "row" }, label), h("td", {}, shown(before)),
    choice("theirs", theirs, texts.takeTheirs), choice("mine", mine, texts.takeMine));
}

/** @param {any} value */
function shown(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) return value.length > 0 ? value.join(", ") : "–";
  if (typeof value === "object") return Object.entries(value).map(([key, each]) => `${key}=${each}`).join(", ") || "–";
  return String(value);
}
