/**
 * The screens there are: what each needs, where it stands in the menu, which key leads to it (after `g`).
 *
 * A screen's module is loaded when it is first shown; it exports `open(context, place)`.
 */

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./router.js").Place} Place */
/**
 * What `open` gives back.
 * @typedef {object} Screen
 * @property {HTMLElement} element
 * @property {() => void} focus
 * @property {() => void} stop
 * @property {(place: Place) => void} moved the address changed within the screen
 * @property {(kinds: Set<string> | null) => void} [changed] something has changed: objects of these kinds, null: anything
 * @property {() => void} [search] `/`
 * @property {(by: number) => void} [move] `j` and `k`
 * @property {() => void} [create] `n`
 * @property {() => boolean} [close] Escape; whether there was something to close
 */
/**
 * @typedef {object} Entry
 * @property {string} id in addresses; its name is the text `screen.<id>`
 * @property {string} section
 * @property {string[]} needs any of these permissions
 * @property {string} [key]
 * @property {() => Promise<{open: (context: Context, place: Place) => Screen}>} load
 */

/** @type {Entry[]} */
export const SCREENS = [
  { id: "applications", section: "publishing", needs: ["applications.read"], key: "a", load: () => import("./screens/applications.js") },
];

/** In this order in the menu. */
export const SECTIONS = ["overview", "publishing", "people", "machines", "answers", "record", "settings"];

/** @param {(permission: string) => boolean} may */
export function screensFor(may) {
  const permitted = SCREENS.filter(({ needs }) => needs.some(may));
  return SECTIONS.flatMap((section) => permitted.filter((entry) => entry.section === section));
}
