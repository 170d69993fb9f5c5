/**
 * What to do after a stream closed or an attempt failed: how long to wait, and whether to resume, ask for a new ticket
 * or stop. Pure: the connection reports what happened and obeys.
 */

import { FINAL_REASONS, meaningOf } from "./protocol/closing.js";

/** @typedef {{action: "resume" | "ticket" | "stop", waitMs: number, reason: string, ask: boolean}} Step */

/** The first resume is immediate: most losses are a change of network. */
const WAITS_MS = [0, 250, 500, 1000, 2000, 4000, 8000, 15000];
const LATER_MS = 15000;
const SPREAD = 0.25;

export class ReconnectPolicy {
  #random;
  #failures = 0;
  #ticketRenewed = false;

  /** @param {() => number} [random] spreads the waits of many clients, 0 to 1 */
  constructor(random = Math.random) {
    this.#random = random;
  }

  /** The session is attached: what failed before no longer counts. */
  attached() {
    this.#failures = 0;
    this.#ticketRenewed = false;
  }

  /**
   * @param {number} code of the Close frame
   * @param {boolean} hasGrant
   * @param {boolean} [elsewhere] another gateway is to be tried, which has not failed yet
   * @returns {Step}
   */
  closed(code, hasGrant, elsewhere = false) {
    const { reason, remedy } = meaningOf(code);
    if (remedy === "stop" || (remedy === "new_ticket" && this.#ticketRenewed)) return this.#step("stop", 0, reason);
    if (remedy === "new_ticket") {
      this.#ticketRenewed = true;
      return this.#step("ticket", 0, reason);
    }
    return this.#step(hasGrant ? "resume" : "ticket", elsewhere ? 0 : this.#waitAfter(remedy), reason);
  }

  /**
   * The API refused a ticket, or could not be reached.
   * @param {string} reason
   * @returns {Step}
   */
  ticketFailed(reason) {
    return FINAL_REASONS.has(reason) ? this.#step("stop", 0, reason) : this.#step("ticket", this.#nextWait(), reason);
  }

  /** @param {string} remedy */
  #waitAfter(remedy) {
    return remedy === "later" ? this.#spread(LATER_MS) : this.#nextWait();
  }

  #nextWait() {
    return this.#spread(WAITS_MS[Math.min(this.#failures++, WAITS_MS.length - 1)]);
  }

  /** @param {number} ms */
  #spread(ms) {
    return Math.round(ms * (1 + SPREAD * this.#random()));
  }

  /**
   * @param {Step["action"]} action
   * @param {number} waitMs
   * @param {string} reason
   * @returns {Step}
   */
  #step(action, waitMs, reason) {
    return { action, waitMs, reason, ask: this.#failures > 1 };
  }
}
