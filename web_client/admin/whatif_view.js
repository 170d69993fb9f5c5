/** The answer to a what-if: who gains and loses, what policies say otherwise, which hosts fill up, which launches end otherwise. */

import { h } from "../ui/dom.js";
import { badge } from "./cells.js";
import { changeList, moment } from "./changes.js";
import { accessView } from "./plan_view.js";
import { addressOf } from "./router.js";
import { counted, STRINGS, t } from "./strings.js";

/** @typedef {import("./plan_view.js").Plan} Plan */
/** @typedef {{field: string, users: number}} PolicyChange */
/**
 * @typedef {object} ApplicationChange
 * @property {string} application
 * @property {number} gained_count
 * @property {number} lost_count
 * @property {string} refused_before the code with which everybody is refused, "launches" if they are not
 * @property {string} refused_after
 * @property {PolicyChange[]} policies
 */
/** @typedef {{host: string, slots: number, expected_before: number, expected_after: number, fills: boolean}} HostChange */
/** @typedef {{reference: string, time: number, user: string, application: string, before: string, after: string}} LaunchChange */
/**
 * @typedef {Plan & {applications: ApplicationChange[], applications_count: number, hosts: HostChange[],
 *   launches: {replayed: number, changed: LaunchChange[], changed_count: number} | null,
 *   replayed: {entitlements: number, launches: number}}} WhatIf
 */
/** @typedef {[string, import("../ui/dom.js").Child][]} Cells title and content */

/**
 * @param {WhatIf} answer
 * @param {(address: string) => boolean} may
 * @param {"h2" | "h3"} [level] of the first heading
 */
export function whatIfView({ changes, access, applications, applications_count: count, hosts, launches, replayed }, may, level = "h2") {
  return h("div", { class: "plan" },
    h("p", { class: "muted" }, t("whatif.replayed", { entitlements: replayed.entitlements.toLocaleString(), launches: replayed.launches.toLocaleString() })),
    h("section", {}, h(level, {}, counted(changes.length, "plan.changes")), changes.length > 0 && changeList(changes, may)),
    ...accessView(access),
    applications.length > 0 && section(counted(count, "whatif.applications"), applications.map(applicationCells)),
    hosts.length > 0 && section(t("whatif.hosts"), hosts.map(hostCells)),
    launches !== null && launchSection(launches, may));
}

/**
 * @param {string} title
 * @param {Cells[]} rows
 */
function section(title, rows) {
  return h("section", {}, h("h3", {}, title), h("table", { class: "list-table" }, h("caption", { class: "visually-hidden" }, title),
    h("thead", {}, h("tr", {}, ...rows[0].map(([name]) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, ...rows.map((cells) => h("tr", {}, ...cells.map(([name, content]) => h("td", { "data-title": name }, h("div", {}, content))))))));
}

/** @param {ApplicationChange} change @returns {Cells} */
function applicationCells({ application, gained_count: gained, lost_count: lost, refused_before: before, refused_after: after, policies }) {
  return [
    [t("whatif.application"), h("bdi", {}, application)],
    [t("whatif.gain"), gained > 0 ? `+${gained.toLocaleString()}` : ""],
    [t("whatif.lose"), lost > 0 ? `−${lost.toLocaleString()}` : ""],
    [t("whatif.everybody"), before === after ? "" : verdicts(before, after)],
    [t("whatif.policies"), policies.map(({ field, users }) => t("whatif.policy", { field: STRINGS[`policy.${field}`] ?? field, users: users.toLocaleString() })).join("; ")],
  ];
}

/** @param {HostChange} change @returns {Cells} */
function hostCells({ host, slots, expected_before: before, expected_after: after, fills }) {
  return [
    [t("whatif.host"), h("bdi", {}, host)],
    [t("whatif.slots"), String(slots)],
    [t("whatif.expected"), `${before.toLocaleString()} → ${after.toLocaleString()}`],
    [t("whatif.fills"), fills ? badge("bad", t("whatif.full")) : ""],
  ];
}

/**
 * @param {{replayed: number, changed: LaunchChange[], changed_count: number}} launches
 * @param {(address: string) => boolean} may
 */
function launchSection({ replayed, changed, changed_count: count }, may) {
  if (count === 0) return h("p", { class: "muted" }, replayed > 0 && counted(replayed, "whatif.launches.none"));
  return section(t("whatif.launches", { count: count.toLocaleString(), replayed: replayed.toLocaleString() }), changed.map((change) => launchCells(change, may)));
}

/**
 * @param {LaunchChange} change
 * @param {(address: string) => boolean} may
 * @returns {Cells}
 */
function launchCells({ reference, time, user, application, before, after }, may) {
  const address = addressOf("launches", reference);
  return [
    [t("launches.time"), moment(time)],
    [t("launches.user"), h("bdi", {}, user)],
    [t("launches.application"), h("bdi", {}, application)],
    [t("whatif.verdict"), verdicts(before, after)],
    [t("launches.reference"), may(address) ? h("a", { href: address }, h("code", {}, reference)) : h("code", {}, reference)],
  ];
}

/**
 * @param {string} before
 * @param {string} after
 */
function verdicts(before, after) {
  return h("span", {}, verdict(before), " → ", verdict(after));
}

/** @param {string} code */
function verdict(code) {
  return code === "launches" || code === "reconnects" ? badge("ok", t("whatif.starts")) : h("code", {}, code);
}
