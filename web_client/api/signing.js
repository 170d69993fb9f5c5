/** The browser's request signature (docs/api.md): what is signed, and the header that carries it. */

import { sign } from "../core/attach.js";

export const HEADER = "Portcullis-Signature";
const encoder = new TextEncoder();

/** @returns {Promise<CryptoKeyPair>} the private half can sign and never leave the browser */
export function generateKey() {
  return crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
}

/**
 * The raw 65-byte point, as the API takes it.
 * @param {CryptoKeyPair} key
 */
export async function publicKey(key) {
  return toBase64url(new Uint8Array(await crypto.subtle.exportKey("raw", key.publicKey)));
}

/**
 * @param {{method: string, path: string, body: Uint8Array<ArrayBuffer>, unixMs: number, nonce: string}} request
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function requestMessage({ method, path, body, unixMs, nonce }) {
  const digest = toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", body)));
  return encoder.encode(`portcullis-request.v1\n${method}\n${path}\n${digest}\n${unixMs}\n${nonce}`);
}

/**
 * @param {CryptoKeyPair} key
 * @param {{method: string, path: string, body: Uint8Array<ArrayBuffer>, unixMs: number}} request
 */
export async function signatureHeader(key, request) {
  const nonce = toBase64url(crypto.getRandomValues(new Uint8Array(16)));
  const signature = await sign(key, await requestMessage({ ...request, nonce }));
  return `v1 ${request.unixMs} ${nonce} ${toBase64url(signature)}`;
}

/** @param {Uint8Array} bytes */
export function toBase64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @param {Uint8Array} bytes */
function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
