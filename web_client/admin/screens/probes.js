/** Probes: launches that the brokers make by themselves, each with how it went and how long its stages took. */

import { h } from "../../ui/dom.js";
import { ago, badge } from "../cells.js";
import { fieldOf, shortList } from "../lists.js";
import { ListScreen } from "../list_screen.js";
import { addressOf } from "../router.js";
import { t } from "../strings.js";
import { timeText } from "../walkthrough_rules.js";
import { NEW_ACCOUNT, ProbeAccountPanel } from "./probe_account_panel.js";
import { deleteProbes, ProbePanel } from "./probe_panel.js";

/**
 * @typedef {object} Result
 * @property {"ok" | "failed" | "skipped"} state
 * @property {number} time
 * @property {Record<string, number>} stages milliseconds of those that were passed, in their order
 * @property {number} milliseconds
 * @property {string} code
 * @property {string} detail
 * @property {string} reference
 * @property {string} host
 * @property {string} stage the one that was not passed
 * @property {boolean} by_password whether it signed in by password and code
 * @property {number} failures one after the other
 * @property {number} ok_time 0: never
 */
/** @typedef {{application: string, application_id: string, user: string | null, every_seconds: number, state: Result["state"] | "waiting", remedy: string | null, last: Result | null}} Probe */

/** @type {Record<Probe["state"], "ok" | "bad" | "warn" | "off">} */
const BADGES = { ok: "ok", failed: "bad", skipped: "warn", waiting: "off" };

/**
 * @param {import("../context.js").Context} context
 * @param {import("../router.js").Place} place
 */
export function open(context, place) {
  const mayWrite = context.may("probes.write");
  return new ListScreen(context, place, /** @type {import("../list_screen.js").Parts<Probe>} */ ({
    id: "probes",
    kinds: ["probe", "application", "audit"],
    search: t("probes.search"),
    columns: [
      { id: "application", title: t("probes.application"), width: "minmax(9rem, 1.5fr)", text: ({ application }) => application },
      { id: "state", title: t("probes.state"), width: "8rem", text: ({ state }) => t(`probes.${state}`), cell: (probe) => stateBadge(probe.state) },
      { id: "milliseconds", title: t("probes.took"), width: "6rem", align: "end", sortable: false, text: ({ last }) => (last?.state === "ok" ? timeText(last.milliseconds) : "") },
      { id: "time", title: t("probes.last"), width: "8rem", shown: "wide", sortable: false,
        text: ({ last }) => (last ? new Date(last.time * 1000).toISOString() : ""), cell: ({ last }) => (last ? ago(last.time) : "") },
      { id: "user", title: t("probes.user"), width: "minmax(6rem, 1fr)", shown: "wide", text: ({ user }) => user ?? "" },
      { id: "code", title: t("probes.code"), width: "minmax(6rem, 1fr)", shown: "wide", sortable: false, text: ({ last }) => last?.code ?? "",
        cell: ({ last }) => (last?.code ? h("code", {}, last.code) : "") },
    ],
    load: shortList(async (signal) => (await context.get("/probes", signal)).items, fieldOf, ["application", "user", "state"]),
    key: ({ application }) => application,
    acts: mayWrite ? [{ id: "delete", title: t("probes.delete"), danger: true, run: (/** @type {Probe[]} */ items) => deleteProbes(context, items) }] : [],
    empty: t("probes.none"),
    create: mayWrite ? { label: t("probes.new"), name: "+" } : undefined,
    tools: context.may("users.write") ? [h("a", { class: "button small", href: addressOf("probes", NEW_ACCOUNT) }, t("probes.account.new"))] : [],
    panel: (name) => (name === NEW_ACCOUNT ? new ProbeAccountPanel(context) : new ProbePanel(context, name)),
  }));
}

/** @param {Probe["state"]} state */
export function stateBadge(state) {
  return badge(BADGES[state] ?? "off", t(`probes.${state}`));
}
