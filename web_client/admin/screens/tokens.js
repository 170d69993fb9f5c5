/** API tokens: whose, what they allow, from where, until when. The text of a new one is shown once. */

import { h } from "../../ui/dom.js";
import { badge, names } from "../cells.js";
import { fieldOf, listOf } from "../lists.js";
import { ListScreen } from "../list_screen.js";
import { counted, t } from "../strings.js";
import { TokenPanel, revokeTokens } from "./token_panel.js";

/**
 * @typedef {object} Token
 * @property {string} id
 * @property {{id: string, name: string}} user
 * @property {string} note
 * @property {number} created
 * @property {number} expires
 * @property {string[] | null} [permissions] null: all that its user has
 * @property {string[]} [networks]
 * @property {boolean} [enrols] absent from brokers of before
 */

/**
 * @param {import("../context.js").Context} context
 * @param {import("../router.js").Place} place
 */
export function open(context, place) {
  const mayWrite = context.may("tokens.write");
  return new ListScreen(context, place, /** @type {import("../list_screen.js").Parts<Token>} */ ({
    id: "tokens",
    kinds: ["api-token", "token"],
    search: t("tokens.search"),
    columns: [
      { id: "note", title: t("tokens.note"), width: "minmax(9rem, 2fr)", text: ({ note, id }) => note || id },
      { id: "user", title: t("tokens.user"), width: "minmax(7rem, 1fr)", text: ({ user }) => user.name },
      { id: "expires", title: t("tokens.expires"), width: "8rem", text: ({ expires }) => new Date(expires * 1000).toISOString(), cell: until },
      { id: "permissions", title: t("tokens.permissions"), width: "minmax(7rem, 1fr)", shown: "wide", sortable: false, text: scopeText },
      { id: "networks", title: t("tokens.networks"), width: "minmax(7rem, 1fr)", shown: "wide", sortable: false,
        text: ({ networks = [] }) => networks.join(", "), cell: ({ networks = [] }) => names(networks, t("tokens.anywhere")) },
    ],
    load: listOf(context, "/tokens", fieldOf, ["note", "id", "user.name"]),
    key: ({ id }) => id,
    acts: mayWrite ? [{ id: "revoke", title: t("tokens.revoke"), danger: true, run: (/** @type {Token[]} */ items) => revokeTokens(context, items) }] : [],
    empty: t("tokens.none"),
    create: mayWrite ? { label: t("tokens.new"), name: "+" } : undefined,
    panel: (name, item) => new TokenPanel(context, name, item),
  }));
}

/** @param {Token} token */
function scopeText({ permissions = null }) {
  return permissions === null ? t("tokens.all") : counted(permissions.length, "roles.count");
}

/** @param {Token} token */
function until({ expires }) {
  const date = new Date(expires * 1000);
  return h("span", {}, h("time", { datetime: date.toISOString(), title: date.toLocaleString() }, date.toLocaleDateString()),
    expires * 1000 < Date.now() && " ", expires * 1000 < Date.now() && badge("bad", t("tokens.expired")));
}
