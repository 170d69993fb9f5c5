import assert from "node:assert/strict";
import test from "node:test";

import { MESSAGES, decode, encode } from "../../web_client/core/protocol/messages.js";
import { ProtocolError } from "../../web_client/core/protocol/wire.js";
import { plain } from "./plain.js";
import { fromHex, readVectors, toHex } from "./vectors.js";

const vectors = readVectors("wire.json");
const valid = vectors.filter(({ messages }) => messages);
const invalid = vectors.filter(({ error }) => error);

const BYTES = new Set(["nonce", "signature", "rgba", "data", "body", "palette"]);

/** The other way. */
function message(value) {
  const { type, ...fields } = value;
  return Object.fromEntries(
    Object.entries(fields).map(([name, each]) => [
      name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()),
      BYTES.has(name) ? fromHex(each) : Array.isArray(each) ? each.map(message) : each,
    ]),
  );
}

test("the vectors hold every message of the table", () => {
  const named = new Set(valid.flatMap(({ messages }) => messages.map((each) => each.message)));
  assert.deepEqual([...named].sort(), Object.keys(MESSAGES).sort());
  assert.ok(invalid.length > 20);
});

for (const { name, hex, messages } of valid) {
  test(`reads: ${name}`, () => {
    const expected = messages.map(({ type, ...fields }) => fields);
    assert.deepEqual(decode(fromHex(hex)).map(plain), expected);
  });

  test(`what is read and written again says the same: ${name}`, () => {
    const written = encode(...messages.map(message));
    if (messages.length) assert.deepEqual(decode(written).map(plain), decode(fromHex(hex)).map(plain));
    else assert.equal(written.length, 0);
  });
}

for (const { name, hex, messages } of valid.filter(({ name }) => !/unknown|later|ignored/.test(name))) {
  test(`writes the same bytes: ${name}`, () => {
    assert.equal(toHex(encode(...messages.map(message))), hex);
  });
}

for (const { name, hex, error } of invalid) {
  test(`refuses: ${name}`, () => {
    assert.throws(() => decode(fromHex(hex)), (thrown) => thrown instanceof ProtocolError && thrown.code === error);
  });
}

test("a value that does not fit its field is refused", () => {
  const key = { message: "KEY", sequence: 1, down: true, modifiers: 0, locks: 0, code: "KeyA", text: "a" };
  assert.throws(() => encode({ ...key, sequence: -1 }), ProtocolError);
  assert.throws(() => encode({ ...key, modifiers: 256 }), ProtocolError);
  assert.throws(() => encode({ ...key, text: "x".repeat(33) }), ProtocolError);
  assert.throws(() => encode({ message: "POINTER", sequence: 1, x: 0.5, y: 0, buttons: 0, modifiers: 0 }), ProtocolError);
});

test("bytes of a tile are a view of what came in, not a copy", () => {
  const { hex } = vectors.find(({ name }) => name === "frame with a tile");
  const data = fromHex(hex);
  const [frame] = decode(data);
  assert.equal(frame.operations[0].data.buffer, data.buffer);
});

test("random bytes are read or refused, never anything else", () => {
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 2147483647);
  for (let round = 0; round < 3000; round++) {
    const data = Uint8Array.from({ length: random() % 80 }, () => random() % 256);
    if (data.length > 8) {
      data[0] = Object.values(MESSAGES)[random() % Object.keys(MESSAGES).length].type;
      new DataView(data.buffer).setUint32(4, data.length - 8, true);
    }
    try {
      assert.ok(Array.isArray(decode(data)));
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error));
    }
  }
});
