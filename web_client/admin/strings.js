/** Every text of the console, a table a part. `{name}` is replaced by the value of that name. */

import { errorText as portalErrorText } from "../app/strings.js";
import { ACCESS } from "./strings/access.js";
import { INSTALLED } from "./strings/installed.js";
import { OBJECTS } from "./strings/objects.js";
import { DESKTOP } from "./strings/desktop.js";
import { RDP } from "./strings/rdp.js";
import { SHELL } from "./strings/shell.js";
import { WINE } from "./strings/wine.js";

/** @type {Record<string, string>} */
export const STRINGS = { ...SHELL, ...OBJECTS, ...ACCESS, ...INSTALLED, ...DESKTOP, ...RDP, ...WINE };

/**
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const text = STRINGS[key];
  if (text === undefined) throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * @param {number} count
 * @param {string} key of the text for several; `<key>.one` is the one for one
 * @param {Record<string, string | number>} [values]
 */
export function counted(count, key, values = {}) {
  return t(count === 1 ? `${key}.one` : key, { ...values, count: count.toLocaleString() });
}

/**
 * The console's own text of a code, the message that came with it (written for administrators), the portal's text.
 * @param {unknown} error
 */
export function errorText(error) {
  const { code = "", message = "" } = /** @type {{code?: string, message?: string}} */ (error);
  return STRINGS[`error.${code}`] ?? (message || portalErrorText({ code }));
}
