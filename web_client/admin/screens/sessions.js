/** Running sessions: whose, where, how their stream is; a word to them, disconnected, logged off. */

import { h } from "../../ui/dom.js";
import { iconOf } from "../../ui/icon.js";
import { ago } from "../cells.js";
import { fieldOf, listOf } from "../lists.js";
import { ListScreen } from "../list_screen.js";
import { STRINGS, t } from "../strings.js";
import { Suggestions } from "../suggestions.js";
import { disconnect, logOff, sendMessage } from "./session_acts.js";
import { SessionPanel } from "./session_panel.js";
import { STATES, stateBadge, stateText } from "./session_rules.js";
import { streamBadge, streamText } from "./stream_quality.js";

/** @typedef {import("./session_rules.js").Session} Session */

/**
 * @param {import("../context.js").Context} context
 * @param {import("../router.js").Place} place
 */
export function open(context, place) {
  const suggestions = new Suggestions(context, () => screen.table.renewFilters());
  /** @param {string} kind */
  const named = (kind) => suggestions.of(kind).map((value) => ({ value, title: value }));
  /** @type {import("../list_screen.js").Parts<Session>} */
  const parts = {
    id: "sessions",
    kinds: ["session"],
    search: t("sessions.search"),
    columns: columns(),
    load: listOf(context, "/sessions", valueOf, ["id", "user", "application", "host", "reference"]),
    key: ({ id }) => id,
    filters: [
      { id: "state", title: t("sessions.state"), options: () => STATES.map((value) => ({ value, title: STRINGS[`sessions.state.${value}`] })) },
      { id: "application", title: t("sessions.application"), options: () => named("applications") },
      { id: "user", title: t("sessions.user"), options: () => [] }, // only by an address: there may be very many
      { id: "host", title: t("sessions.host"), options: () => named("hosts") },
    ],
    acts: acts(context),
    empty: t("sessions.none"),
    panel: (name, item) => new SessionPanel(context, name, item),
  };
  /** @type {ListScreen<Session>} */
  const screen = new ListScreen(context, place, parts);
  return screen;
}

/** @returns {import("../../ui/grid_view.js").Column<Session>[]} */
function columns() {
  return [
    {
      id: "application", title: t("sessions.application"), width: "minmax(8rem, 2fr)", text: ({ application }) => application.name,
      cell: ({ application }) => h("span", { class: "with-icon" }, iconOf(application), h("bdi", {}, application.name)),
    },
    { id: "user", title: t("sessions.user"), width: "minmax(4.5rem, 1fr)", text: ({ user }) => user.name, cell: ({ user }) => h("bdi", {}, user.name) },
    { id: "state", title: t("sessions.state"), width: "minmax(6.5rem, 9rem)", text: stateText, cell: stateBadge },
    { id: "host", title: t("sessions.host"), width: "minmax(6rem, 1fr)", shown: "wide", text: ({ host }) => host, cell: ({ host }) => h("bdi", {}, host) },
    { id: "created", title: t("sessions.started"), width: "9rem", shown: "wide", text: ({ created }) => new Date(created * 1000).toISOString(), cell: ({ created }) => ago(created) },
    { id: "stream", title: t("sessions.stream"), width: "minmax(7rem, 10rem)", shown: "wide", sortable: false, text: ({ stream }) => streamText(stream), cell: ({ stream }) => streamBadge(stream) },
  ];
}

/**
 * @param {import("../context.js").Context} context
 * @returns {import("../../ui/bulk_bar.js").Act<Session>[]}
 */
function acts(context) {
  const isThere = (/** @type {Session} */ { state }) => state !== "ending" && state !== "ended";
  /** @type {(import("../../ui/bulk_bar.js").Act<Session> & {needs: string})[]} */
  const all = [
    { id: "message", needs: "sessions.message", title: t("sessions.message"), applies: isThere, run: (sessions) => sendMessage(context, sessions) },
    {
      id: "disconnect", needs: "sessions.end", title: t("sessions.disconnect"), applies: ({ state }) => state === "active",
      run: (sessions) => disconnect(context, sessions),
    },
    { id: "logoff", needs: "sessions.end", title: t("sessions.logoff"), danger: true, applies: isThere, run: (sessions) => logOff(context, sessions) },
  ];
  return all.filter(({ needs }) => context.may(needs));
}

/**
 * @param {Session} session
 * @param {string} field
 */
function valueOf(session, field) {
  if (field === "user" || field === "application") return session[field].name;
  return fieldOf(session, field);
}
