/** Close codes of a stream (docs/protocol.md 1.6): the reason each stands for, and what a client does about it. */

/** @typedef {"resume" | "attach_again" | "new_ticket" | "later" | "stop"} Remedy */

/** @type {Record<number, {reason: string, remedy: Remedy}>} */
export const CLOSE_CODES = {
  4400: { reason: "protocol_error", remedy: "stop" },
  4401: { reason: "ticket_refused", remedy: "new_ticket" },
  4403: { reason: "grant_refused", remedy: "new_ticket" },
  4404: { reason: "version_unsupported", remedy: "stop" },
  4405: { reason: "proof_refused", remedy: "stop" },
  4408: { reason: "admission_timeout", remedy: "attach_again" },
  4409: { reason: "taken_over", remedy: "stop" },
  4410: { reason: "session_ended", remedy: "stop" },
  4411: { reason: "signed_out", remedy: "stop" },
  4413: { reason: "session_disconnected", remedy: "stop" },
  4429: { reason: "too_many_connections", remedy: "later" },
  4503: { reason: "host_unreachable", remedy: "attach_again" },
  // No peer sends it: the page's own worker could not be started.
  4999: { reason: "decoder_missing", remedy: "stop" },
  4504: { reason: "broker_unreachable", remedy: "attach_again" },
  4512: { reason: "gateway_draining", remedy: "attach_again" },
};

/** Reason codes with which the API (tickets, "ask why") ends a session's attempts for good. */
export const FINAL_REASONS = new Set([
  "session_ended", "session_unknown", "signed_out", "taken_over", "signature_refused", "not_permitted", "not_entitled",
  "outside_networks", "outside_hours", "session_disconnected",
]);

/** Whether another gateway may do better: the session and its right are not what is wrong. @param {number} code */
export function isOfTheWay(code) {
  const { remedy } = meaningOf(code);
  return remedy !== "stop" && remedy !== "new_ticket";
}

/**
 * @param {number} code
 * @returns {{reason: string, remedy: Remedy}}
 */
export function meaningOf(code) {
  return CLOSE_CODES[code] ?? { reason: "connection_lost", remedy: "resume" };
}
