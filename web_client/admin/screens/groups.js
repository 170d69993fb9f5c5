/** Groups: who is in them, which are inside which, and what they may start. */

import { names } from "../cells.js";
import { fieldOf, listOf } from "../lists.js";
import { ListScreen } from "../list_screen.js";
import { t } from "../strings.js";
import { GroupPanel } from "./group_panel.js";

/**
 * @typedef {object} Group
 * @property {string} name
 * @property {string} description
 * @property {{groups: string[]}} members
 * @property {number} user_count
 * @property {number} revision 0: nothing but its name is known
 * @property {string[]} [users]
 * @property {string[]} [inside] groups that contain it
 * @property {string[]} [applications] that admit it
 */

/**
 * @param {import("../context.js").Context} context
 * @param {import("../router.js").Place} place
 */
export function open(context, place) {
  return new ListScreen(context, place, /** @type {import("../list_screen.js").Parts<Group>} */ ({
    id: "groups",
    kinds: ["group", "user"],
    search: t("groups.search"),
    columns: [
      { id: "name", title: t("groups.name"), width: "minmax(9rem, 1.5fr)", text: ({ name }) => name },
      { id: "user_count", title: t("groups.users"), width: "6rem", align: "end", text: ({ user_count: count }) => String(count) },
      {
        id: "members", title: t("groups.inner"), width: "minmax(9rem, 2fr)", shown: "wide", sortable: false,
        text: ({ members }) => members.groups.join(", "), cell: ({ members }) => names(members.groups, ""),
      },
      { id: "description", title: t("groups.description"), width: "minmax(9rem, 2fr)", shown: "wide", text: ({ description }) => description },
    ],
    load: listOf(context, "/groups", fieldOf, ["name", "description", "members.groups"]),
    key: ({ name }) => name,
    empty: t("groups.none"),
    create: context.may("groups.write") ? { label: t("groups.new"), name: "+" } : undefined,
    panel: (name) => new GroupPanel(context, name),
  }));
}
