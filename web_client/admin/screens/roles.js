/** Roles: what each allows; the built-in ones to look at, others of one's own. */

import { badge } from "../cells.js";
import { fieldOf, shortList } from "../lists.js";
import { ListScreen } from "../list_screen.js";
import { counted, t } from "../strings.js";
import { RolePanel } from "./role_panel.js";

/** @typedef {{name: string, permissions: string[], built_in: boolean, users: number, revision?: number}} Role */
/** @typedef {{items: Role[], permissions: Record<string, string>}} Roles */

/**
 * @param {import("../context.js").Context} context
 * @param {import("../router.js").Place} place
 */
export function open(context, place) {
  return new ListScreen(context, place, /** @type {import("../list_screen.js").Parts<Role>} */ ({
    id: "roles",
    kinds: ["role", "user"],
    search: t("roles.search"),
    columns: [
      { id: "name", title: t("roles.name"), width: "minmax(9rem, 2fr)", text: ({ name }) => name },
      { id: "built_in", title: t("roles.kind"), width: "8rem", text: kindText, cell: (role) => badge(role.built_in ? "off" : "ok", kindText(role)) },
      { id: "users", title: t("roles.users"), width: "6rem", align: "end", text: ({ users }) => String(users) },
      { id: "permissions", title: t("roles.permissions"), width: "minmax(9rem, 2fr)", shown: "wide", sortable: false,
        text: ({ permissions }) => counted(permissions.length, "roles.count") },
    ],
    load: shortList(async (signal) => (await context.get("/roles", signal)).items, fieldOf, ["name", "permissions"]),
    key: ({ name }) => name,
    empty: t("roles.none"),
    create: context.may("roles.write") ? { label: t("roles.new"), name: "+" } : undefined,
    panel: (name) => new RolePanel(context, name),
  }));
}

/** @param {Role} role */
function kindText({ built_in: isBuiltIn }) {
  return t(isBuiltIn ? "roles.builtin" : "roles.own");
}
