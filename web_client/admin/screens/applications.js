/** Published applications: what they start, who may, where; published, changed, cloned, tried, deleted. */

import { h } from "../../ui/dom.js";
import { iconOf } from "../../ui/icon.js";
import { fieldOf, listOf } from "../lists.js";
import { ListScreen } from "../list_screen.js";
import { addressOf } from "../router.js";
import { counted, t } from "../strings.js";
import { badge, names } from "../cells.js";
import { deleteApplications, setDisabled } from "./application_acts.js";
import { ApplicationPanel } from "./application_panel.js";
import { shownText } from "./application_rules.js";

/** @typedef {import("./application_rules.js").Application} Application */

/**
 * @param {import("../context.js").Context} context
 * @param {import("../router.js").Place} place
 */
export function open(context, place) {
  const mayWrite = context.may("applications.write");
  /** @type {import("../list_screen.js").Parts<Application>} */
  const parts = {
    id: "applications",
    kinds: ["application", "icon"],
    search: t("applications.search"),
    columns: columns(),
    load: listOf(context, "/applications", valueOf, ["name", "command", "host_groups", "entitled.users", "entitled.groups"]),
    key: ({ name }) => name,
    filters: [{ id: "disabled", title: t("applications.state"), options: () => [
      { value: "false", title: t("applications.enabled") }, { value: "true", title: t("applications.disabled") },
    ] }],
    acts: mayWrite ? acts(context) : [],
    empty: t("applications.none"),
    create: mayWrite ? { label: t("applications.new"), name: "+" } : undefined,
    tools: mayWrite && context.may("hosts.read") && context.may("configuration.apply")
      ? [h("a", { class: "button small", href: addressOf("installed") }, t("installed.add"))] : [],
    panel: (name, item) => new ApplicationPanel(context, name, item),
  };
  return new ListScreen(context, place, parts);
}

/** @returns {import("../../ui/grid_view.js").Column<Application>[]} */
function columns() {
  return [
    {
      id: "name", title: t("applications.name"), width: "minmax(11rem, 2fr)", text: ({ name }) => name,
      cell: (item) => h("span", { class: "with-icon" }, iconOf(item), h("bdi", {}, item.name)),
    },
    { id: "disabled", title: t("applications.state"), width: "7rem", text: stateText, cell: (item) => badge(item.disabled ? "off" : "ok", stateText(item)) },
    {
      id: "command", title: t("applications.command"), width: "minmax(9rem, 2fr)", shown: "wide", sortable: false,
      text: shownText, cell: (application) => h("code", {}, shownText(application)),
    },
    {
      id: "entitled", title: t("applications.entitled"), width: "minmax(9rem, 1.5fr)", shown: "wide", sortable: false,
      text: ({ entitled }) => [...entitled.groups, ...entitled.users].join(", "), cell: ({ entitled }) => entitledText(entitled),
    },
    {
      id: "host_groups", title: t("applications.hostgroups"), width: "minmax(6rem, 1fr)", shown: "wide", sortable: false,
      text: ({ host_groups: groups = [] }) => groups.join(", "), cell: ({ host_groups: groups = [] }) => names(groups, t("applications.anyhost")),
    },
  ];
}

/** @param {Application} application */
function stateText({ disabled }) {
  return t(disabled ? "applications.disabled" : "applications.enabled");
}

/** @param {Application["entitled"]} entitled */
function entitledText({ users, groups }) {
  if (users.length + groups.length === 0) return h("span", { class: "muted" }, t("applications.nobody"));
  const parts = [...groups, ...(users.length > 3 ? [counted(users.length, "applications.users")] : users)];
  return names(parts, "");
}

/**
 * @param {import("../context.js").Context} context
 * @returns {import("../../ui/bulk_bar.js").Act<Application>[]}
 */
function acts(context) {
  return [
    { id: "enable", title: t("applications.enable"), applies: ({ disabled }) => disabled, run: (items) => setDisabled(context, items, false) },
    { id: "disable", title: t("applications.disable"), applies: ({ disabled }) => !disabled, run: (items) => setDisabled(context, items, true) },
    { id: "delete", title: t("applications.delete"), danger: true, run: (items) => deleteApplications(context, items) },
  ];
}

/**
 * @param {Application} application
 * @param {string} field
 */
function valueOf(application, field) {
  return field === "command" ? shownText(application) : fieldOf(application, field);
}
