/** Gateways: whether they are there, what passes through them; taken out of service, and joined. */

import { h } from "../../ui/dom.js";
import { fieldOf, listOf } from "../lists.js";
import { ListScreen } from "../list_screen.js";
import { facts } from "../cells.js";
import { ObjectPanel } from "../object_panel.js";
import { SiteStatus } from "../site_status.js";
import { t } from "../strings.js";
import { drain } from "./drain.js";
import { JoinPanel } from "./join_panel.js";
import { loadText, machineBadge, stateOf, stateText } from "./machine_rules.js";

/** @typedef {import("./machine_rules.js").Gateway} Gateway */

const NEW = "+";

/**
 * @param {import("../context.js").Context} context
 * @param {import("../router.js").Place} place
 */
export function open(context, place) {
  const mayWrite = context.may("platform.gateways.write");
  const mayJoin = mayWrite && context.may("hosts.write");
  const status = new SiteStatus(context);
  const load = listOf(context, "/gateways", fieldOf, ["name", "public_origin"]);
  /** @type {import("../list_screen.js").Parts<Gateway>} */
  const parts = {
    id: "gateways",
    kinds: ["gateway"],
    everySeconds: 5,
    search: t("gateways.search"),
    columns: columns(),
    load: async (query, page, signal) => {
      const { items, total } = await load(query, page, signal);
      return { items: await status.joined(/** @type {Gateway[]} */ (items), "gateways"), total };
    },
    key: ({ name }) => name,
    acts: mayWrite ? [
      { id: "drain", title: t("machines.drain"), applies: ({ draining }) => !draining, run: (items) => drain(context, "gateways", items, true) },
      { id: "undrain", title: t("machines.undrain"), applies: ({ draining }) => draining, run: (items) => drain(context, "gateways", items, false) },
    ] : [],
    empty: t("gateways.none"),
    create: mayJoin ? { label: t("gateways.join"), name: NEW } : undefined,
    panel: (name, item) => (name === NEW && mayJoin ? new JoinPanel(context, "gateway") : panelOf(context, status, name, item)),
  };
  return new ListScreen(context, place, parts);
}

/** @returns {import("../../ui/grid_view.js").Column<Gateway>[]} */
function columns() {
  return [
    { id: "name", title: t("machines.name"), width: "minmax(8rem, 1fr)", text: ({ name }) => name, cell: ({ name }) => h("bdi", {}, name) },
    { id: "online", title: t("machines.state"), width: "8rem", text: (gateway) => stateText(stateOf(gateway)), cell: (gateway) => machineBadge(stateOf(gateway)) },
    { id: "public_origin", title: t("gateways.origin"), width: "minmax(10rem, 2fr)", shown: "wide", text: ({ public_origin: origin }) => origin },
    { id: "streams", title: t("gateways.streams"), width: "7rem", shown: "wide", align: "end", sortable: false, text: ({ streams }) => String(streams ?? "") },
    { id: "load", title: t("machines.load"), width: "6rem", shown: "wide", align: "end", sortable: false, text: ({ load }) => loadText(load) },
  ];
}

/**
 * @param {import("../context.js").Context} context
 * @param {SiteStatus} status
 * @param {string} name
 * @param {Gateway | undefined} item
 */
function panelOf(context, status, name, item) {
  return new ObjectPanel({
    title: name, item,
    find: async (signal) => {
      const { items } = await context.get(`/gateways?${new URLSearchParams({ name })}`, signal);
      const found = items.find((/** @type {Gateway} */ each) => each.name === name);
      return found && (await status.joined([found], "gateways"))[0];
    },
    draw: (/** @type {Gateway} */ gateway) => [
      facts([
        [t("machines.state"), machineBadge(stateOf(gateway))],
        [t("gateways.origin"), gateway.public_origin],
        [t("gateways.streams"), gateway.streams === undefined || gateway.streams === null ? null : String(gateway.streams)],
        [t("machines.load"), loadText(gateway.load)],
        [t("sessions.id"), h("code", {}, gateway.id)],
      ]),
      ...(context.may("platform.gateways.write") ? [h("div", { class: "buttons panel-tools" },
        h("button", { type: "button", class: "small", click: () => drain(context, "gateways", [gateway], !gateway.draining) },
          t(gateway.draining ? "machines.undrain" : "machines.drain")),
        h("span", { class: "hint" }, t("machines.drain.gateways")))] : []),
    ],
  });
}
