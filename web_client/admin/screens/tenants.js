/** Organisations of the site, for platform administrators: made, changed, suspended, deleted, entered for a reason. */

import { h } from "../../ui/dom.js";
import { badge, names } from "../cells.js";
import { fieldOf, shortList } from "../lists.js";
import { ListScreen } from "../list_screen.js";
import { t } from "../strings.js";
import { TenantPanel } from "./tenant_panel.js";

/** @typedef {{sessions: number | null, launches_per_second: number | null, logins_per_second: number | null}} Quotas */
/**
 * @typedef {object} Tenant
 * @property {string} id
 * @property {string} name
 * @property {string} title
 * @property {{accent: string | null, logo: string | null}} theme
 * @property {string[]} host_names
 * @property {boolean} suspended
 * @property {Quotas} quotas
 * @property {number} users
 * @property {number} sessions
 * @property {string[]} hosts
 * @property {number | null} entry until when one has entered it
 * @property {number} revision
 */

/**
 * @param {import("../context.js").Context} context
 * @param {import("../router.js").Place} place
 */
export function open(context, place) {
  return new ListScreen(context, place, /** @type {import("../list_screen.js").Parts<Tenant>} */ ({
    id: "tenants",
    kinds: ["tenant", "entry", "host", "user", "session"],
    search: t("tenants.search"),
    columns: [
      { id: "name", title: t("tenants.name"), width: "minmax(9rem, 1.5fr)", text: ({ name }) => name },
      { id: "suspended", title: t("tenants.state"), width: "8rem", text: stateText,
        cell: (tenant) => h("span", {}, badge(tenant.suspended ? "bad" : tenant.entry ? "warn" : "ok", stateText(tenant))) },
      { id: "users", title: t("tenants.users"), width: "6rem", align: "end", text: ({ users }) => String(users) },
      { id: "sessions", title: t("tenants.sessions"), width: "6rem", align: "end", text: sessionsText },
      { id: "title", title: t("tenants.title"), width: "minmax(7rem, 1fr)", shown: "wide", text: ({ title }) => title },
      { id: "host_names", title: t("tenants.hostnames"), width: "minmax(7rem, 1fr)", shown: "wide", sortable: false,
        text: ({ host_names: all }) => all.join(", "), cell: ({ host_names: all }) => names(all, "") },
      { id: "hosts", title: t("tenants.hosts"), width: "minmax(7rem, 1fr)", shown: "wide", sortable: false,
        text: ({ hosts }) => hosts.join(", "), cell: ({ hosts }) => names(hosts, "") },
    ],
    load: shortList(async (signal) => (await context.client.get("/platform/tenants", signal)).items, fieldOf, ["name", "title", "host_names", "hosts"]),
    key: ({ name }) => name,
    empty: t("tenants.none"),
    create: context.may("platform.tenants.write") ? { label: t("tenants.new"), name: "+" } : undefined,
    panel: (name) => new TenantPanel(context, name),
  }));
}

/** @param {Tenant} tenant */
function stateText({ suspended, entry }) {
  return t(suspended ? "tenants.suspended" : entry ? "tenants.entered" : "tenants.active");
}

/** @param {Tenant} tenant */
function sessionsText({ sessions, quotas }) {
  return quotas.sessions === null ? String(sessions) : `${sessions} / ${quotas.sessions}`;
}
