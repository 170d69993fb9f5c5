/** Documents out of text: one, a list, or one after the other. Pure. */

/**
 * @param {string} text
 * @returns {{documents: object[], error: string}}
 */
export function documentsIn(text) {
  /** @type {object[]} */
  const documents = [];
  for (const part of partsOf(text)) {
    try {
      const value = JSON.parse(part);
      const all = Array.isArray(value) ? value : [value];
      if (all.some((each) => typeof each !== "object" || each === null || Array.isArray(each))) return { documents: [], error: part.slice(0, 40) };
      documents.push(...all);
    } catch (error) {
      return { documents: [], error: /** @type {Error} */ (error).message };
    }
  }
  return { documents, error: "" };
}

/** Whole, if it is one JSON text; else cut where a line closes a bracket of its own and the next one opens one. @param {string} text */
function partsOf(text) {
  const trimmed = text.trim();
  if (trimmed === "") return [];
  try {
    JSON.parse(trimmed);
    return [trimmed];
  } catch {
    return trimmed.split(/(?<=^[}\]])\s*\n(?=[{[])/m);
  }
}
