/** What a list is asked for: words, order, filters; as it stands in addresses and requests, and done by hand where no server does it. Pure. */

/** @typedef {{search: string, sort: string, filters: Record<string, string[]>}} Query `sort`: a field, "-" before it turns it round */

/** @returns {Query} */
export function emptyQuery() {
  return { search: "", sort: "", filters: {} };
}

/**
 * @param {URLSearchParams} parameters
 * @param {string[]} fields that are filters
 * @returns {Query}
 */
export function queryFrom(parameters, fields) {
  const filters = Object.fromEntries(
    fields.map((field) => [field, parameters.getAll(field)]).filter(([, values]) => values.length > 0),
  );
  return { search: parameters.get("search") ?? "", sort: parameters.get("sort") ?? "", filters };
}

/**
 * @param {Query} query
 * @param {{offset?: number, limit?: number}} [page]
 */
export function parametersOf({ search, sort, filters }, { offset, limit } = {}) {
  const parameters = new URLSearchParams();
  if (search.trim()) parameters.set("search", search.trim());
  if (sort) parameters.set("sort", sort);
  for (const [field, values] of Object.entries(filters))
    for (const value of values) parameters.append(field, value);
  if (offset !== undefined) parameters.set("offset", String(offset));
  if (limit !== undefined) parameters.set("limit", String(limit));
  return parameters;
}

/**
 * The order after a press on a column: up, down, the list's own again.
 * @param {string} sort
 * @param {string} field
 */
export function nextSort(sort, field) {
  if (sort === field) return `-${field}`;
  return sort === `-${field}` ? "" : field;
}

/**
 * @param {string} sort
 * @param {string} field
 * @returns {"ascending" | "descending" | "none"}
 */
export function sortState(sort, field) {
  if (sort === field) return "ascending";
  return sort === `-${field}` ? "descending" : "none";
}

/**
 * @template Item
 * @param {Item[]} items
 * @param {Query} query
 * @param {(item: Item, field: string) => unknown} valueOf a field's value: text, number, flag or a list
 * @param {string[]} searched fields in which words are looked for
 */
export function select(items, { search, sort, filters }, valueOf, searched) {
  const words = folded(search).split(/\s+/).filter(Boolean);
  const found = items.filter((item) => passes(item, filters, valueOf) && hasWords(item, words, valueOf, searched));
  if (!sort) return found;
  const field = sort.replace(/^-/, "");
  const sign = sort.startsWith("-") ? -1 : 1;
  return found.toSorted((a, b) => sign * compare(valueOf(a, field), valueOf(b, field)));
}

/**
 * @template Item
 * @param {Item} item
 * @param {Record<string, string[]>} filters
 * @param {(item: Item, field: string) => unknown} valueOf
 */
function passes(item, filters, valueOf) {
  return Object.entries(filters).every(([field, wanted]) => {
    const value = valueOf(item, field);
    const values = Array.isArray(value) ? value.map(String) : [String(value)];
    return wanted.length === 0 || values.some((each) => wanted.includes(each));
  });
}

/**
 * @template Item
 * @param {Item} item
 * @param {string[]} words
 * @param {(item: Item, field: string) => unknown} valueOf
 * @param {string[]} searched
 */
function hasWords(item, words, valueOf, searched) {
  if (words.length === 0) return true;
  const text = folded(searched.map((field) => [valueOf(item, field)].flat().join(" ")).join("\n"));
  return words.every((word) => text.includes(word));
}

const COLLATOR = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/**
 * @param {unknown} a
 * @param {unknown} b
 */
function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return COLLATOR.compare(String(a ?? ""), String(b ?? ""));
}

/** @param {string} text */
function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
