/** How machines read. */

import { badge } from "../cells.js";
import { STRINGS, t } from "../strings.js";

/**
 * @typedef {object} Host
 * @property {string} id
 * @property {string} name
 * @property {number} slots
 * @property {number} sessions
 * @property {boolean} online
 * @property {boolean} draining
 * @property {boolean} revoked
 * @property {string} isolation
 * @property {string[]} groups
 * @property {number} starting_limit
 * @property {number} [revision]
 * @property {number | null} [load]
 * @property {number | null} [memory_available_bytes]
 * @property {string} [version]
 * @property {string} [broker]
 * @property {number} [orphans]
 * @property {number} [bad_streams]
 * @property {string[]} [tenants]
 */
/** @typedef {{id: string, name: string, public_origin: string, online: boolean, revoked: boolean, draining: boolean, streams?: number | null, load?: number | null}} Gateway */
/** @typedef {{name: string, address: string, version: string, state: string, started: number, revision: number, lag_revisions: number,
 *   lag_seconds: number, degraded: boolean, load: number | null, hosts: number, gateways: number, here: boolean, clock: string, clock_ahead_seconds: number}} Broker */

/** @typedef {"online" | "draining" | "gone" | "revoked" | "serving" | "silent"} State */

/** @type {Record<string, "ok" | "warn" | "bad" | "off" | "busy">} */
const KINDS = { online: "ok", serving: "ok", draining: "warn", silent: "bad", gone: "bad", revoked: "off" };

/** @param {{online: boolean, draining: boolean, revoked: boolean}} machine */
export function stateOf({ online, draining, revoked }) {
  if (revoked) return "revoked";
  if (!online) return "gone";
  return draining ? "draining" : "online";
}

/** @param {string} state */
export function stateText(state) {
  return STRINGS[`machines.state.${state}`] ?? state;
}

/** @param {string} state */
export function machineBadge(state) {
  return badge(KINDS[state] ?? "off", stateText(state));
}

/** @param {number | null | undefined} load share of all processors */
export function loadText(load) {
  return load === null || load === undefined ? "" : t("machines.percent", { percent: Math.round(load * 100) });
}
