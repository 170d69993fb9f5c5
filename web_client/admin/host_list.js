/** The hosts of a walk-through, best first: score as a bar, or why one was rejected. Long lists show their head first. */

import { h } from "../ui/dom.js";
import { t } from "./strings.js";

/** @typedef {import("./walkthrough_rules.js").RankedHost} RankedHost */

const SHOWN = 12;

/**
 * @param {RankedHost[]} hosts
 * @param {(object: string) => Node | null} link
 */
export function hostList(hosts, link) {
  if (hosts.length === 0) return null;
  const largest = Math.max(...hosts.map(({ score }) => score ?? 0), Number.EPSILON);
  const list = h("ol", { class: "walk-hosts" }, ...hosts.slice(0, SHOWN).map((host) => row(host, largest, link)));
  const rest = hosts.slice(SHOWN);
  const more = h("button", { type: "button", class: "quiet", click: () => {
    const rows = rest.map((host) => row(host, largest, link));
    list.append(...rows);
    rows[0].tabIndex = -1;
    rows[0].focus();
    more.remove();
  } }, t("walk.hosts.more", { count: rest.length }));
  return h("div", {}, list, rest.length > 0 && more);
}

/**
 * @param {RankedHost} host
 * @param {number} largest
 * @param {(object: string) => Node | null} link
 */
function row({ name, isChosen, isFit, score, reason, code, object }, largest, link) {
  return h("li", { class: isChosen ? "chosen" : isFit ? "fit" : "rejected" },
    h("span", { class: "walk-host" }, link(object) ?? h("bdi", {}, name), isChosen && h("span", { class: "walk-chosen" }, t("walk.chosen"))),
    h("span", { class: "walk-score" }, score !== null && scoreBar(score, largest)),
    h("span", { class: "walk-why" }, h("bdi", {}, reason), code !== "" && " ", code !== "" && h("code", {}, code)));
}

/**
 * @param {number} score
 * @param {number} largest
 */
function scoreBar(score, largest) {
  const fill = h("span");
  fill.style.setProperty("width", `${Math.max(2, (Math.max(0, score) / largest) * 100).toFixed(1)}%`);
  return h("span", { class: "walk-scored" }, h("span", { class: "walk-bar", "aria-hidden": "true" }, fill), t("walk.score", { score: score.toFixed(2) }));
}
