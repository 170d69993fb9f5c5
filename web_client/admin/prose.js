/** Sentences that hold `code`, as elements. */

import { h } from "../ui/dom.js";

/** @param {string} text with code between backticks */
export function prose(text) {
  const parts = text.split("`");
  // An odd one is a backtick of a name: then nothing is code.
  if (parts.length % 2 === 0) return h("span", {}, text);
  return h("span", {}, ...parts.map((part, index) => (index % 2 === 1 ? h("code", {}, part) : part)));
}
