/** What the form of an application holds, and what of it is sent (docs/api.md). Pure. */

import { desktopBody, desktopText, desktopValues, isDesktop } from "./desktop_fields.js";
import { isRdp, rdpBody, rdpText, rdpValues } from "./rdp_fields.js";
import { isWine, wineBody, wineText, wineValues } from "./wine_fields.js";

/**
 * @typedef {object} Application
 * @property {string} id
 * @property {string} name
 * @property {string[]} command
 * @property {Record<string, string>} environment
 * @property {{users: string[], groups: string[]}} entitled
 * @property {string | null} icon
 * @property {boolean} disabled
 * @property {string[]} [host_groups]
 * @property {number} [minimum_memory_bytes]
 * @property {import("./rdp_fields.js").Rdp | null} [rdp] in place of a command
 * @property {import("./wine_fields.js").Wine | null} [wine] likewise
 * @property {import("./desktop_fields.js").Desktop | null} [desktop] likewise
 * @property {number} [revision]
 */
/** @typedef {Record<string, any>} Values */

const MEBIBYTE = 2 ** 20;

/** @param {Application | null} application @returns {Values} */
export function valuesOf(application) {
  return {
    "name": application?.name ?? "",
    "command": application?.command ?? [],
    "entitled.users": application?.entitled.users ?? [],
    "entitled.groups": application?.entitled.groups ?? [],
    "host_groups": application?.host_groups ?? [],
    "minimum_memory_bytes": application?.minimum_memory_bytes ? application.minimum_memory_bytes / MEBIBYTE : null,
    "environment": application?.environment ?? {},
    "disabled": application?.disabled ?? false,
    ...rdpValues(application?.rdp),
    ...wineValues(application?.wine),
    ...desktopValues(application?.desktop),
    ...(application?.wine && { runs: "wine" }),
    ...(application?.desktop && { runs: "desktop" }),
  };
}

/** @param {Values} values */
export function bodyOf(values) {
  const { icon } = values;
  return {
    ...runBody(values),
    environment: values.environment,
    entitled: { users: values["entitled.users"], groups: values["entitled.groups"] },
    host_groups: values.host_groups,
    minimum_memory_bytes: Math.round((values.minimum_memory_bytes ?? 0) * MEBIBYTE),
    disabled: values.disabled,
    ...(icon !== undefined && { icon }),
  };
}

/**
 * A broker of the release before knows no servers, Windows programs and desktops: it is not told of none.
 * @param {Values} values
 */
function runBody(values) {
  if (isRdp(values)) return { command: [], rdp: rdpBody(values) };
  if (isDesktop(values)) return { command: [], desktop: desktopBody(values) };
  return isWine(values) ? { command: [], wine: wineBody(values) } : { command: values.command };
}

/** What the application shows, in a line. @param {Pick<Application, "command" | "rdp" | "wine" | "desktop">} application */
export function shownText({ command, rdp, wine, desktop }) {
  if (desktop) return desktopText(desktop);
  if (wine) return wineText(wine);
  return rdp ? rdpText(rdp) : commandText(command);
}

/** As a shell would be given it, for people to read. @param {string[]} command */
export function commandText(command) {
  return command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}

/**
 * A name that is not taken yet.
 * @param {string} name
 * @param {string[]} taken
 */
export function copyName(name, taken) {
  const known = new Set(taken.map((each) => each.toLowerCase()));
  for (let number = 2; ; number++) {
    const copy = `${name} ${number}`;
    if (!known.has(copy.toLowerCase())) return copy;
  }
}
