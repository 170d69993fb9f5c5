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
 * @property {() => Promise<boolean>} [mayLeave] whether nothing would be lost, or the user says that it may
 * @property {() => boolean} [isEntering] something was entered and is not saved
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
  { id: "overview", section: "overview", needs: ["status.read"], key: "o", load: () => import("./screens/overview.js") },
  { id: "applications", section: "publishing", needs: ["applications.read"], key: "a", load: () => import("./screens/applications.js") },
  { id: "installed", section: "publishing", needs: ["applications.write"], load: () => import("./screens/installed.js") },
  { id: "users", section: "people", needs: ["users.read"], key: "u", load: () => import("./screens/users.js") },
  { id: "sessions", section: "people", needs: ["sessions.read"], key: "s", load: () => import("./screens/sessions.js") },
  { id: "entitlements", section: "publishing", needs: ["users.read"], key: "e", load: () => import("./screens/entitlements.js") },
  { id: "groups", section: "people", needs: ["groups.read"], key: "p", load: () => import("./screens/groups.js") },
  { id: "simulation", section: "answers", needs: ["simulate"], key: "i", load: () => import("./screens/simulation.js") },
  { id: "launches", section: "answers", needs: ["launches.read"], key: "l", load: () => import("./screens/launches.js") },
  { id: "probes", section: "answers", needs: ["probes.read"], load: () => import("./screens/probes.js") },
  { id: "effective", section: "answers", needs: ["policies.read"], load: () => import("./screens/effective.js") },
  { id: "whatif", section: "answers", needs: ["configuration.plan"], key: "f", load: () => import("./screens/whatif.js") },
  { id: "audit", section: "record", needs: ["audit.read"], key: "t", load: () => import("./screens/audit.js") },
  { id: "history", section: "record", needs: ["history.read"], key: "y", load: () => import("./screens/history.js") },
  { id: "tenant", section: "settings", needs: ["tenant.read"], load: () => import("./screens/tenant.js") },
  { id: "tenants", section: "settings", needs: ["platform.tenants.read"], load: () => import("./screens/tenants.js") },
  { id: "policies", section: "settings", needs: ["policies.read"], key: "c", load: () => import("./screens/policies.js") },
  { id: "roles", section: "settings", needs: ["roles.read"], load: () => import("./screens/roles.js") },
  { id: "tokens", section: "settings", needs: ["tokens.read"], load: () => import("./screens/tokens.js") },
  { id: "hosts", section: "machines", needs: ["hosts.read"], key: "h", load: () => import("./screens/hosts.js") },
  { id: "hostgroups", section: "machines", needs: ["hosts.read"], load: () => import("./screens/hostgroups.js") },
  { id: "gateways", section: "machines", needs: ["hosts.read"], key: "w", load: () => import("./screens/gateways.js") },
  { id: "brokers", section: "machines", needs: ["platform.site.read"], key: "b", load: () => import("./screens/brokers.js") },
];

/** In this order in the menu. */
export const SECTIONS = ["overview", "publishing", "people", "machines", "answers", "record", "settings"];

/** @param {(permission: string) => boolean} may */
export function screensFor(may) {
  const permitted = SCREENS.filter(({ needs }) => needs.some(may));
  return SECTIONS.flatMap((section) => permitted.filter((entry) => entry.section === section));
}
