/** Hosts: what runs there, how busy they are, what they are for; taken out of service, and joined. */

import { h } from "../../ui/dom.js";
import { badge, meter, names } from "../cells.js";
import { fieldOf, listOf } from "../lists.js";
import { ListScreen } from "../list_screen.js";
import { SiteStatus } from "../site_status.js";
import { t } from "../strings.js";
import { Suggestions } from "../suggestions.js";
import { drain } from "./drain.js";
import { HostPanel } from "./host_panel.js";
import { JoinPanel } from "./join_panel.js";
import { loadText, machineBadge, stateOf, stateText } from "./machine_rules.js";

/** @typedef {import("./machine_rules.js").Host} Host */

const NEW = "+";

/**
 * @param {import("../context.js").Context} context
 * @param {import("../router.js").Place} place
 */
export function open(context, place) {
  const mayWrite = context.may("hosts.write");
  const status = new SiteStatus(context);
  const suggestions = new Suggestions(context, () => screen.table.renewFilters());
  const load = listOf(context, "/hosts", fieldOf, ["name", "groups"]);
  const flags = [{ value: "true", title: t("yes") }, { value: "false", title: t("no") }];
  /** @type {import("../list_screen.js").Parts<Host>} */
  const parts = {
    id: "hosts",
    kinds: ["host"],
    everySeconds: 5,
    search: t("hosts.search"),
    columns: columns(),
    load: async (query, page, signal) => {
      const { items, total } = await load(query, page, signal);
      return { items: await status.joined(/** @type {Host[]} */ (items), "hosts"), total };
    },
    key: ({ name }) => name,
    filters: [
      { id: "online", title: t("machines.state.online"), options: () => flags },
      { id: "draining", title: t("machines.state.draining"), options: () => flags },
      { id: "groups", title: t("hosts.group"), options: () => suggestions.of("hostGroups").map((value) => ({ value, title: value })) },
    ],
    acts: mayWrite ? [
      { id: "drain", title: t("machines.drain"), applies: ({ draining }) => !draining, run: (hosts) => drain(context, "hosts", hosts, true) },
      { id: "undrain", title: t("machines.undrain"), applies: ({ draining }) => draining, run: (hosts) => drain(context, "hosts", hosts, false) },
    ] : [],
    empty: t("hosts.none"),
    create: mayWrite ? { label: t("hosts.join"), name: NEW } : undefined,
    panel: (name, item) => (name === NEW && mayWrite ? new JoinPanel(context, "host") : new HostPanel(context, status, name, item)),
  };
  /** @type {ListScreen<Host>} */
  const screen = new ListScreen(context, place, parts);
  return screen;
}

/** @returns {import("../../ui/grid_view.js").Column<Host>[]} */
function columns() {
  return [
    { id: "name", title: t("machines.name"), width: "minmax(9rem, 1.5fr)", text: ({ name }) => name, cell: ({ name }) => h("bdi", {}, name) },
    { id: "online", title: t("machines.state"), width: "7rem", text: (host) => stateText(stateOf(host)), cell: (host) => machineBadge(stateOf(host)) },
    {
      id: "sessions", title: t("hosts.sessions"), width: "minmax(4.5rem, 10rem)", text: ({ sessions, slots }) => `${sessions} / ${slots}`,
      cell: ({ sessions, slots }) => meter(sessions, slots, `${sessions} / ${slots}`),
    },
    { id: "load", title: t("machines.load"), width: "6rem", shown: "wide", sortable: false, align: "end", text: ({ load }) => loadText(load) },
    {
      id: "groups", title: t("hosts.groups"), width: "minmax(8rem, 2fr)", shown: "wide", sortable: false,
      text: ({ groups }) => groups.join(", "), cell: ({ groups }) => names(groups, t("users.nogroup")),
    },
    {
      id: "isolation", title: t("hosts.isolation"), width: "9rem", shown: "wide", text: ({ isolation }) => isolationText(isolation),
      cell: ({ isolation }) => (isolation === "none" ? badge("warn", isolationText(isolation)) : isolationText(isolation)),
    },
    { id: "version", title: t("machines.version"), width: "6rem", shown: "wide", sortable: false, text: ({ version = "" }) => version },
  ];
}

/** @param {string} isolation */
function isolationText(isolation) {
  return t(isolation === "none" ? "hosts.isolation.none" : "hosts.isolation.accounts");
}
