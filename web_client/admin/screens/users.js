/** Users: invited, changed, reset, disabled, signed out, deleted. Secrets are never here: an enrolment link is shown once. */

import { h } from "../../ui/dom.js";
import { badge, names } from "../cells.js";
import { fieldOf, listOf } from "../lists.js";
import { ListScreen } from "../list_screen.js";
import { t } from "../strings.js";
import { Suggestions } from "../suggestions.js";
import { deleteUsers, regroup, setDisabled, signOutUsers } from "./user_acts.js";
import { InvitePanel } from "./invite_panel.js";
import { UserPanel } from "./user_panel.js";
import { roleText, stateBadge } from "./user_rules.js";

/** @typedef {import("./user_rules.js").User} User */

const NEW = "+";

/**
 * @param {import("../context.js").Context} context
 * @param {import("../router.js").Place} place
 */
export function open(context, place) {
  const mayWrite = context.may("users.write");
  const suggestions = new Suggestions(context, () => screen.table.renewFilters());
  /** @type {import("../list_screen.js").Parts<User>} */
  const parts = {
    id: "users",
    kinds: ["user"],
    search: t("users.search"),
    columns: columns(),
    load: listOf(context, "/users", fieldOf, ["name", "role", "groups"]),
    key: ({ name }) => name,
    filters: [
      { id: "role", title: t("users.role"), options: () => ["user", "administrator", "help_desk", "auditor"].map((value) => ({ value, title: roleText(value) })) },
      { id: "groups", title: t("users.group"), options: () => suggestions.of("groups").map((value) => ({ value, title: value })) },
      { id: "disabled", title: t("users.account"), options: () => [
        { value: "false", title: t("users.enabled") }, { value: "true", title: t("users.disabled") },
      ] },
    ],
    acts: mayWrite ? acts(context) : [],
    empty: t("users.none"),
    create: mayWrite ? { label: t("users.invite"), name: NEW } : undefined,
    panel: (name, item) => (name === NEW && mayWrite ? new InvitePanel(context) : new UserPanel(context, name, item)),
  };
  /** @type {ListScreen<User>} */
  const screen = new ListScreen(context, place, parts);
  return screen;
}

/** @returns {import("../../ui/grid_view.js").Column<User>[]} */
function columns() {
  return [
    { id: "name", title: t("users.name"), width: "minmax(9rem, 1.5fr)", text: ({ name }) => name, cell: ({ name }) => h("bdi", {}, name) },
    { id: "state", title: t("users.state"), width: "9.5rem", sortable: false, text: (user) => t(`users.state.${user.state}`), cell: stateBadge },
    { id: "role", title: t("users.role"), width: "minmax(8rem, 1fr)", shown: "wide", text: ({ role }) => roleText(role) },
    {
      id: "groups", title: t("users.groups"), width: "minmax(8rem, 2fr)", shown: "wide", sortable: false,
      text: ({ groups }) => groups.join(", "), cell: ({ groups }) => names(groups, t("users.nogroup")),
    },
    {
      id: "platform", title: t("users.platform"), width: "8rem", shown: "wide", sortable: false,
      text: ({ platform }) => (platform ? t("users.platform.yes") : ""), cell: ({ platform }) => (platform ? badge("busy", t("users.platform.short")) : ""),
    },
  ];
}

/**
 * @param {import("../context.js").Context} context
 * @returns {import("../../ui/bulk_bar.js").Act<User>[]}
 */
function acts(context) {
  return [
    { id: "enable", title: t("users.enable"), applies: ({ disabled }) => disabled, run: (users) => setDisabled(context, users, false) },
    { id: "disable", title: t("users.disable"), applies: ({ disabled }) => !disabled, run: (users) => setDisabled(context, users, true) },
    ...(context.may("groups.write") ? [
      { id: "into", title: t("users.regroup.into"), run: (/** @type {User[]} */ users) => regroup(context, users, true) },
      { id: "outof", title: t("users.regroup.outof"), run: (/** @type {User[]} */ users) => regroup(context, users, false) },
    ] : []),
    { id: "signout", title: t("users.signout"), run: (users) => signOutUsers(context, users) },
    { id: "delete", title: t("users.delete"), danger: true, run: (users) => deleteUsers(context, users) },
  ];
}
