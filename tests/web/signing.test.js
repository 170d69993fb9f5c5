import assert from "node:assert/strict";
import test from "node:test";

import { generateKey, publicKey, requestMessage, signatureHeader, toBase64url } from "../../web_client/api/signing.js";
import { attachMessage, epochOf, sign } from "../../web_client/core/attach.js";
import { fromHex, readVectors, toHex } from "./vectors.js";

const { requests, attaches } = readVectors("signatures.json");
const encoder = new TextEncoder();

for (const { name, method, path, body, unix_ms, nonce, message } of requests) {
  test(`a request is signed as Python verifies it: ${name}`, async () => {
    const made = await requestMessage({ method, path, body: encoder.encode(body), unixMs: unix_ms, nonce });
    assert.equal(toHex(made), message);
  });
}

for (const { name, nonce, grant, last_acknowledged, session, e, message } of attaches) {
  test(`an attach is signed as Python verifies it: ${name}`, async () => {
    const made = await attachMessage({
      nonce: fromHex(nonce), grant, lastAcknowledged: last_acknowledged, sessionId: session, e,
    });
    assert.equal(toHex(made), message);
  });
}

test("the private half of a login's key cannot be read", async () => {
  const key = await generateKey();
  assert.equal(key.privateKey.extractable, false);
  await assert.rejects(crypto.subtle.exportKey("pkcs8", key.privateKey));
  assert.equal(Buffer.from(await publicKey(key), "base64url").length, 65);
});

test("the header carries a signature of exactly this request", async () => {
  const key = await generateKey();
  const request = { method: "POST", path: "/api/v1/sessions", body: encoder.encode("{}"), unixMs: 1763676000123 };
  const [version, unixMs, nonce, signature] = (await signatureHeader(key, request)).split(" ");
  assert.deepEqual([version, unixMs, nonce.length, signature.length], ["v1", "1763676000123", 22, 86]);
  const verified = (message) =>
    crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key.publicKey, Buffer.from(signature, "base64url"), message);
  assert.equal(await verified(await requestMessage({ ...request, nonce })), true);
  assert.equal(await verified(await requestMessage({ ...request, nonce, method: "PUT" })), false);
});

test("no two requests have the same nonce", async () => {
  const key = await generateKey();
  const request = { method: "POST", path: "/", body: new Uint8Array(), unixMs: 1 };
  const nonces = await Promise.all(Array.from({ length: 20 }, async () => (await signatureHeader(key, request)).split(" ")[2]));
  assert.equal(new Set(nonces).size, 20);
});

test("a signature is r and s, 64 bytes", async () => {
  const key = await generateKey();
  for (let round = 0; round < 8; round++) assert.equal((await sign(key, encoder.encode(String(round)))).length, 64);
});

test("the epoch is read from a grant", () => {
  const payload = toBase64url(encoder.encode(JSON.stringify({ user: "Zoë?>", e: 41 })));
  assert.equal(epochOf(`grant.v1.kid.${payload}.signature`), 41);
  assert.throws(() => epochOf("grant.v1.kid.e30.signature"));
  assert.throws(() => epochOf("nonsense"));
});
