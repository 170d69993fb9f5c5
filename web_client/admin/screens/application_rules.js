/** What the form of an application holds, and what of it is sent (docs/api.md). Pure. */

import { isRdp, rdpBody, rdpText, rdpValues } from "./rdp_fields.js";

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
  };
}

/** @param {Values} values */
export function bodyOf(values) {
  const { icon } = values;
  return {
    // A broker of the release before knows no servers: it is not told of none.
    ...(isRdp(values) ? { command: [], rdp: rdpBody(values) } : { command: values.command }),
    environment: values.environment,
    entitled: { users: values["entitled.users"], groups: values["entitled.groups"] },
    host_groups: values.host_groups,
    minimum_memory_bytes: Math.round((values.minimum_memory_bytes ?? 0) * MEBIBYTE),
    disabled: values.disabled,
    ...(icon !== undefined && { icon }),
  };
}

/** What the application shows, in a line. @param {Pick<Application, "command" | "rdp">} application */
export function shownText({ command, rdp }) {
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
