/** What the catalogue decides without a page: which names a search finds, how a time past is said. */

/**
 * Every word of the search occurs in the name, whatever the case and accents.
 * @param {string} name
 * @param {string} search
 */
export function matches(name, search) {
  const words = folded(search).split(/\s+/).filter(Boolean);
  return words.every((word) => folded(name).includes(word));
}

/** @param {string} text */
function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

/**
 * "2 hours ago", in the user's language.
 * @param {number} seconds
 * @param {string} language
 */
export function elapsedText(seconds, language) {
  const [unit, size] = UNITS.find(([, least]) => seconds >= least) ?? ["second", 0];
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  return format.format(size ? -Math.floor(seconds / size) : 0, unit);
}
