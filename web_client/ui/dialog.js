/** Modal dialogs. A question says what will happen to whom; an Enter too many does nothing, unless it can be undone. */

import { h } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */

let dialogs = 0;

/**
 * Shows it over everything until it closes; focus returns to where it was.
 * @param {string} title
 * @param {(close: (value?: string) => void) => Child[]} content
 * @param {string} [kind] a class
 * @returns {Promise<string>} "" when it was dismissed
 */
export function showDialog(title, content, kind = "") {
  const id = `dialog-${++dialogs}`;
  const before = document.activeElement;
  const dialog = h("dialog", { class: `card dialog ${kind}`, "aria-labelledby": id });
  dialog.append(h("h2", { id }, title),
    .../** @type {(Node | string)[]} */ (content((value) => dialog.close(value ?? "")).filter(Boolean)));
  // What is typed in it is not for the page below.
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
      resolve(dialog.returnValue);
    }, { once: true });
  });
}

/**
 * Whether to do it. The safe answer has the focus.
 * @param {object} question
 * @param {string} question.title
 * @param {Child[]} question.consequences paragraphs: what happens, and to whom
 * @param {string} question.act
 * @param {string} question.cancel
 * @param {boolean} [question.danger]
 * @param {{label: string, text: string}} [question.repeat] what must be typed first
 */
export async function ask({ title, consequences, act, cancel, danger = false, repeat }) {
  const answer = await showDialog(title, (close) => {
    const doing = h("button", { type: "submit", class: danger ? "danger" : "primary", disabled: repeat !== undefined }, act);
    const typed = h("input", {
      type: "text", autocomplete: "off", spellcheck: "false", id: "dialog-repeat",
      input: () => doing.toggleAttribute("disabled", typed.value.trim() !== repeat?.text),
    });
    return [
      ...consequences.map((each) => (typeof each === "string" ? h("p", {}, each) : each)),
      h("form", { method: "dialog", class: "dialog-form", submit: (event) => {
        event.preventDefault();
        close("yes");
      } },
      repeat && h("div", { class: "form-field" }, h("label", { for: "dialog-repeat" }, repeat.label), typed),
      h("div", { class: "buttons" }, doing, h("button", { type: "button", autofocus: true, click: () => close() }, cancel))),
    ];
  });
  return answer === "yes";
}
