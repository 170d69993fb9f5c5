/** Brokers: which serve, how far each is with the grid, whose clock is wrong; taken out of service. */

import { h } from "../../ui/dom.js";
import { ago, facts } from "../cells.js";
import { fieldOf, shortList } from "../lists.js";
import { ListScreen } from "../list_screen.js";
import { ObjectPanel } from "../object_panel.js";
import { t } from "../strings.js";
import { drain } from "./drain.js";
import { loadText, machineBadge, stateText } from "./machine_rules.js";

/** @typedef {import("./machine_rules.js").Broker} Broker */

/**
 * @param {import("../context.js").Context} context
 * @param {import("../router.js").Place} place
 */
export function open(context, place) {
  /** @param {AbortSignal} signal @returns {Promise<Broker[]>} */
  const read = async (signal) => (await context.get("/status", signal)).brokers;
  const mayWrite = context.may("platform.brokers.write");
  /** @type {import("../list_screen.js").Parts<Broker>} */
  const parts = {
    id: "brokers",
    kinds: ["broker"],
    everySeconds: 5,
    search: t("brokers.search"),
    columns: columns(),
    load: shortList(read, fieldOf, ["name", "address"]),
    key: ({ name }) => name,
    acts: mayWrite ? [
      { id: "drain", title: t("machines.drain"), applies: ({ state }) => state === "serving", run: (items) => drain(context, "brokers", items, true) },
      { id: "undrain", title: t("machines.undrain"), applies: ({ state }) => state === "draining", run: (items) => drain(context, "brokers", items, false) },
    ] : [],
    empty: t("brokers.none"),
    panel: (name, item) => new ObjectPanel({
      title: name, item, find: async (signal) => (await read(signal)).find((each) => each.name === name),
      draw: (/** @type {Broker} */ broker) => [about(broker), ...(mayWrite ? [act(context, broker)] : [])],
    }),
  };
  return new ListScreen(context, place, parts);
}

/** @returns {import("../../ui/grid_view.js").Column<Broker>[]} */
function columns() {
  return [
    { id: "name", title: t("machines.name"), width: "minmax(8rem, 1fr)", text: ({ name }) => name, cell: ({ name }) => h("bdi", {}, name) },
    { id: "state", title: t("machines.state"), width: "8rem", text: ({ state }) => stateText(state), cell: ({ state }) => machineBadge(state) },
    { id: "address", title: t("brokers.address"), width: "minmax(9rem, 1fr)", shown: "wide", text: ({ address }) => address },
    { id: "load", title: t("machines.load"), width: "6rem", align: "end", text: ({ load }) => loadText(load) },
    { id: "hosts", title: t("screen.hosts"), width: "6rem", shown: "wide", align: "end", text: ({ hosts }) => String(hosts) },
    { id: "gateways", title: t("screen.gateways"), width: "7rem", shown: "wide", align: "end", text: ({ gateways }) => String(gateways) },
    { id: "lag_seconds", title: t("brokers.lag"), width: "7rem", shown: "wide", align: "end", text: ({ lag_seconds: lag }) => t("brokers.seconds", { value: lag.toFixed(1) }) },
    { id: "version", title: t("machines.version"), width: "7rem", shown: "wide", text: ({ version }) => version },
  ];
}

/** @param {Broker} broker */
function about({ state, address, version, started, revision, lag_revisions: behind, lag_seconds: lag, degraded, load, hosts, gateways, here, clock, clock_ahead_seconds: ahead }) {
  return facts([
    [t("machines.state"), machineBadge(state)],
    [t("brokers.here"), here && t("yes")],
    [t("brokers.address"), address],
    [t("machines.version"), version],
    [t("sessions.started"), started > 0 && ago(started)],
    [t("machines.load"), loadText(load)],
    [t("screen.hosts"), String(hosts)],
    [t("screen.gateways"), String(gateways)],
    [t("brokers.revision"), t("brokers.revision.value", { revision, behind, seconds: lag.toFixed(1) })],
    [t("brokers.degraded"), degraded && t("yes")],
    [t("brokers.clock"), clock === "wrong" && t("brokers.clock.wrong", { seconds: ahead.toFixed(1) })],
  ]);
}

/**
 * @param {import("../context.js").Context} context
 * @param {Broker} broker
 */
function act(context, broker) {
  const isDraining = broker.state === "draining";
  return h("div", { class: "buttons panel-tools" },
    h("button", { type: "button", class: "small", click: () => drain(context, "brokers", [broker], !isDraining) },
      t(isDraining ? "machines.undrain" : "machines.drain")),
    h("span", { class: "hint" }, t("machines.drain.brokers")));
}
