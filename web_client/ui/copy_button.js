/** A button that copies a text and says that it did, to screen readers as well. */

import { h } from "./dom.js";

const SAID_MS = 2500;

/**
 * @param {string | (() => string)} text
 * @param {{copy: string, copied: string, failed: string}} labels
 */
export function copyButton(text, labels) {
  const button = h("button", { type: "button", "aria-live": "polite", click: copy }, labels.copy);
  let timer = 0;

  /** @param {string} label */
  function say(label) {
    button.textContent = label;
    clearTimeout(timer);
    timer = setTimeout(() => (button.textContent = labels.copy), SAID_MS);
  }

  async function copy() {
    try {
      await navigator.clipboard.writeText(typeof text === "string" ? text : text());
      say(labels.copied);
    } catch {
      say(labels.failed); // the browser or its owner forbids it: the text can still be selected
    }
  }

  return button;
}
