/** How sessions read. */

import { badge } from "../cells.js";
import { STRINGS, t } from "../strings.js";

/**
 * @typedef {object} Session
 * @property {string} id
 * @property {{id: string, name: string, icon: string | null}} application
 * @property {{id: string, name: string}} user
 * @property {string} host
 * @property {boolean} host_online
 * @property {string} state
 * @property {string} stage
 * @property {number | null} position
 * @property {number} created
 * @property {string} reference
 * @property {Record<string, any> | null} stream
 */

/** @type {Record<string, "ok" | "warn" | "bad" | "off" | "busy">} */
const KINDS = { pending: "busy", starting: "busy", ready: "busy", active: "ok", disconnected: "off", ending: "warn", ended: "off" };

export const STATES = ["pending", "starting", "ready", "active", "disconnected", "ending"];

/** @param {Session} session */
export function stateText({ state, position, host_online: isThere }) {
  if (!isThere) return t("sessions.hostgone");
  const text = STRINGS[`sessions.state.${state}`] ?? state;
  return position ? t("sessions.inline", { state: text, position }) : text;
}

/** @param {Session} session */
export function stateBadge(session) {
  return badge(session.host_online ? KINDS[session.state] ?? "off" : "bad", stateText(session));
}

/** What identifies one for people. @param {Session} session */
export function sessionText({ application, user }) {
  return t("sessions.one", { application: application.name, user: user.name });
}
