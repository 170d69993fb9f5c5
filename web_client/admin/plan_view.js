/** What a change of the configuration would do: each object with its fields, and who gains and who loses what. */

import { h } from "../ui/dom.js";
import { changeList } from "./changes.js";
import { counted, t } from "./strings.js";

/** @typedef {{user: string, application: string}} Pair */
/** @typedef {{gained: Pair[], lost: Pair[], gained_count?: number, lost_count?: number}} Access */
/** @typedef {{revision: number, changes: import("./changes.js").Change[], access: Access}} Plan */

/** Users that are named of each application. */
const NAMED = 20;

/**
 * @param {Plan} plan
 * @param {(address: string) => boolean} may
 */
export function planView({ changes, access }, may) {
  return h("div", { class: "plan" },
    h("section", {}, h("h3", {}, counted(changes.length, "plan.changes")), changes.length === 0 ? null : changeList(changes, may)),
    ...accessView(access));
}

/** @param {Access} access */
export function accessView({ gained, lost, gained_count: gains = gained.length, lost_count: losses = lost.length }) {
  if (gains + losses === 0) return [h("p", { class: "muted" }, t("plan.access.none"))];
  return [side("lost", lost, losses), side("gained", gained, gains)].filter((each) => each !== null);
}

/**
 * @param {"gained" | "lost"} name
 * @param {Pair[]} pairs
 * @param {number} count of all, told or not
 */
function side(name, pairs, count) {
  if (count === 0) return null;
  /** @type {Map<string, string[]>} */
  const users = new Map();
  for (const { user, application } of pairs) users.set(application, [...(users.get(application) ?? []), user]);
  return h("section", { class: `access ${name}` }, h("h3", {}, counted(count, `plan.${name}`)),
    h("ul", {}, ...Array.from(users, ([application, all]) => h("li", {}, h("strong", {}, h("bdi", {}, application)), ": ",
      ...all.slice(0, NAMED).flatMap((user, index) => [index > 0 ? ", " : "", h("bdi", {}, user)]),
      all.length > NAMED && ` ${t("plan.more", { count: all.length - NAMED })}`))),
    pairs.length < count && h("p", { class: "hint" }, t("plan.capped", { told: pairs.length, count })));
}
