/** The client's part of the handshake (docs/protocol.md 1.1): what is signed, and what stands in a grant. Pure. */

import { VERSION } from "./protocol/messages.js";

/**
 * What a PROOF signs.
 * @param {{nonce: Uint8Array, grant: string, lastAcknowledged: number, sessionId: string, e: number}} attach
 */
export async function attachMessage({ nonce, grant, lastAcknowledged, sessionId, e }) {
  const digest = await crypto.subtle.digest("SHA-256", utf8(grant));
  const session = utf8(sessionId);
  return concatenate(
    utf8("portcullis-attach.v1\0"), nonce, new Uint8Array(digest), Uint8Array.of(VERSION),
    littleEndian(lastAcknowledged, 4), littleEndian(session.length, 2), session, littleEndian(e, 4),
  );
}

/**
 * @param {CryptoKeyPair} key
 * @param {Uint8Array<ArrayBuffer>} message
 */
export async function sign(key, message) {
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key.privateKey, message);
  return new Uint8Array(signature);
}

/**
 * The attach epoch that a grant states. The grant is the worker's to verify; here it is only read.
 * @param {string} grant
 */
export function epochOf(grant) {
  const payload = grant.split(".")[3] ?? "";
  const { e } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
  if (!Number.isInteger(e)) throw new TypeError("a grant without its epoch");
  return /** @type {number} */ (e);
}

/** @param {string} text */
function utf8(text) {
  return new TextEncoder().encode(text);
}

/**
 * @param {number} value
 * @param {number} size
 */
function littleEndian(value, size) {
  return Uint8Array.from({ length: size }, (_, index) => (value >>> (8 * index)) & 0xff);
}

/** @param {...Uint8Array} parts */
function concatenate(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
