/** What a key does in a table (APG grid, and the letters of mail readers). Pure. */

/**
 * @typedef {{act: "move", by: number} | {act: "moveTo", end: "first" | "last"} | {act: "cell", by: number}
 *   | {act: "open"} | {act: "toggle"} | {act: "all"} | {act: "none"}} KeyAct
 */

/** @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, j: 1, J: 1, ArrowUp: -1, k: -1, K: -1 };

/**
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean}} event
 * @param {number} pageRows
 * @returns {KeyAct | null}
 */
export function keyAct({ key, ctrlKey, metaKey }, pageRows) {
  if (ctrlKey || metaKey) return key === "a" ? { act: "all" } : null;
  if (Object.hasOwn(STEPS, key)) return { act: "move", by: STEPS[key] };
  switch (key) {
    case "PageDown": return { act: "move", by: pageRows };
    case "PageUp": return { act: "move", by: -pageRows };
    case "Home": return { act: "moveTo", end: "first" };
    case "End": return { act: "moveTo", end: "last" };
    case "ArrowRight": return { act: "cell", by: 1 };
    case "ArrowLeft": return { act: "cell", by: -1 };
    case "Enter": return { act: "open" };
    case " ": case "x": return { act: "toggle" };
    case "Escape": return { act: "none" };
  }
  return null;
}
