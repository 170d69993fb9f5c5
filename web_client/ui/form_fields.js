/** The fields that a form is made of: each an element that can be labelled, with a value to read. */

import { h } from "./dom.js";

const TYPING_MS = 150;

/**
 * @typedef {object} Control
 * @property {HTMLElement} element
 * @property {HTMLElement} focusable what the label and an error belong to
 * @property {() => any} read
 */
/**
 * @typedef {object} FieldParts
 * @property {string} id of the control
 * @property {any} value
 * @property {boolean} [isFixed] cannot be changed
 * @property {{value: string, title: string}[]} [options] of a choice
 * @property {(typed: string) => string[] | Promise<string[]>} [suggestions]
 * @property {Record<string, string>} [labels] of the control's own buttons
 * @property {Record<string, string>} [attributes]
 * @property {() => void} changed
 */

/** @param {FieldParts} parts @returns {Control} */
export function textField({ id, value, isFixed = false, attributes = {}, changed }) {
  const input = h("input", {
    type: "text", id, name: id, autocomplete: "off", spellcheck: "false", readonly: isFixed, ...attributes, input: changed,
  });
  input.value = value ?? "";
  return { element: input, focusable: input, read: () => input.value };
}

/** @param {FieldParts} parts @returns {Control} null for none */
export function numberField({ id, value, attributes = {}, changed }) {
  const input = h("input", { type: "number", id, name: id, min: "0", step: "any", inputmode: "numeric", ...attributes, input: changed });
  input.value = value === null || value === undefined ? "" : String(value);
  return { element: input, focusable: input, read: () => (input.value === "" ? null : Number(input.value)) };
}

/** @param {FieldParts} parts @returns {Control} one text a line */
export function linesField({ id, value, attributes = {}, changed }) {
  const area = h("textarea", { id, name: id, rows: "3", spellcheck: "false", autocapitalize: "none", ...attributes, input: changed });
  area.value = (value ?? []).join("\n");
  return { element: area, focusable: area, read: () => lines(area.value) };
}

/** @param {string} text */
function lines(text) {
  const all = text.split("\n");
  while (all.length > 0 && all.at(-1) === "") all.pop();
  return all;
}

/** NAME=value, one a line. @param {FieldParts} parts @returns {Control} */
export function pairsField({ id, value, attributes = {}, changed }) {
  const area = h("textarea", { id, name: id, rows: "3", spellcheck: "false", autocapitalize: "none", ...attributes, input: changed });
  area.value = Object.entries(value ?? {}).map(([name, text]) => `${name}=${text}`).join("\n");
  const read = () => Object.fromEntries(lines(area.value).filter((line) => line.trim() !== "").map((line) => {
    const [, name, text] = /^([^=]*)=?(.*)$/s.exec(line) ?? [];
    return [name.trim(), text];
  }));
  return { element: area, focusable: area, read };
}

/** @param {FieldParts} parts @returns {Control} */
export function choiceField({ id, value, options = [], changed }) {
  const select = h("select", { id, name: id, change: changed }, ...options.map((each) => h("option", { value: each.value }, each.title)));
  select.value = value ?? options[0]?.value ?? "";
  return { element: select, focusable: select, read: () => select.value };
}

/** @param {FieldParts} parts @returns {Control} */
export function flagField({ id, value, changed }) {
  const input = h("input", { type: "checkbox", id, name: id, change: changed });
  input.checked = Boolean(value);
  return { element: input, focusable: input, read: () => input.checked };
}

/**
 * Names as chips: Enter or a comma adds what is typed, Backspace in the empty field takes the last one away.
 * @param {FieldParts} parts
 * @returns {Control}
 */
export function namesField({ id, value, suggestions = () => [], labels = {}, attributes = {}, changed }) {
  /** @type {string[]} */
  let names = [...(value ?? [])];
  const list = h("datalist", { id: `${id}-known` });
  const input = h("input", {
    type: "text", id, name: id, list: list.id, autocomplete: "off", spellcheck: "false", ...attributes,
    keydown: (event) => key(event), focus: () => suggest(), input: (event) => typed(event),
  });
  const chips = h("ul", { class: "name-chips" });
  let timer = 0;
  const element = h("div", { class: "names" }, chips, input, list);

  const suggest = () => offer(input, list, suggestions, (name) => !names.includes(name));

  /** What is only typed is taken as it stands: a chip that appeared on leaving would move the button that is pressed. */
  function typed(/** @type {InputEvent} */ event) {
    clearTimeout(timer);
    if (event.inputType === "insertReplacementText") return add(); // chosen from the list
    changed();
    timer = setTimeout(suggest, TYPING_MS);
  }

  function add() {
    const name = input.value.trim().replace(/,$/, "");
    input.value = "";
    if (name && !names.includes(name)) set([...names, name]);
  }

  /** @param {string[]} now */
  function set(now) {
    names = now;
    draw();
    suggest();
    changed();
  }

  /** @param {KeyboardEvent} event */
  function key(event) {
    if (event.isComposing) return;
    if ((event.key === "Enter" && input.value.trim()) || event.key === ",") {
      event.preventDefault();
      add();
    } else if (event.key === "Backspace" && input.value === "" && names.length > 0) set(names.slice(0, -1));
  }

  function draw() {
    chips.hidden = names.length === 0;
    chips.replaceChildren(...names.map((name) => chip(name, labels.remove, () => remove(name))));
  }

  /** @param {string} name */
  function remove(name) {
    set(names.filter((each) => each !== name));
    input.focus();
  }

  draw();
  const read = () => (input.value.trim() ? [...names, input.value.trim()] : names);
  return { element, focusable: input, read };
}

/**
 * @param {HTMLInputElement} input
 * @param {HTMLDataListElement} list
 * @param {NonNullable<FieldParts["suggestions"]>} suggestions
 * @param {(name: string) => boolean} isFit
 */
async function offer(input, list, suggestions, isFit) {
  const typed = input.value;
  const known = await suggestions(typed);
  if (typed !== input.value) return; // a newer question is on its way
  list.replaceChildren(...known.filter(isFit).map((name) => h("option", { value: name })));
}

/**
 * @param {string} name
 * @param {string | undefined} label of what takes it away
 * @param {() => void} remove
 */
function chip(name, label, remove) {
  return h("li", { class: "name-chip" }, h("span", {}, name),
    h("button", { type: "button", "aria-label": `${label ?? "×"} ${name}`, click: remove }, "×"));
}
