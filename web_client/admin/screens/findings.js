/** What is wrong with the site: the worst first, each with what to do about it. */

import { h } from "../../ui/dom.js";
import { badge } from "../cells.js";
import { prose } from "../prose.js";
import { t } from "../strings.js";

/** @typedef {{severity: "error" | "warning" | "notice", code: string, what: string, remedy: string}} Finding */

/** @type {Record<string, "bad" | "warn" | "busy">} */
const KINDS = { error: "bad", warning: "warn", notice: "busy" };
const ORDER = ["error", "warning", "notice"];

/** @param {Finding[]} findings */
export function findingList(findings) {
  const sorted = findings.toSorted((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  return [h("h2", {}, t("overview.findings")), h("ul", {}, ...sorted.map(({ severity, what, remedy }) =>
    h("li", {}, badge(KINDS[severity] ?? "busy", t(`overview.severity.${severity}`)), h("span", {}, what), h("div", { class: "muted" }, prose(remedy)))))];
}
