/** Broken messages of every type: this codec judges each as Python's does (tests/unit/portcullis/protocol). */

import assert from "node:assert/strict";
import test from "node:test";

import { MESSAGES, decode } from "../../web_client/core/protocol/messages.js";
import { HEADER_BYTES, ProtocolError } from "../../web_client/core/protocol/wire.js";
import { fnv1a, generator, mutants } from "./mutants.js";
import { plain } from "./plain.js";
import { readVectors } from "./vectors.js";

const TYPES = Object.fromEntries(Object.entries(MESSAGES).map(([name, { type }]) => [name, type]));
const valid = readVectors("wire.json").filter(({ messages }) => messages);
const originals = valid.map(({ hex }) => Buffer.from(hex, "hex"));
const alone = originals.filter((data) => data.length === HEADER_BYTES + data.readUInt32LE(4));

const isRefused = (data) => {
  try {
    decode(data);
    return false;
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error));
    return true;
  }
};

/** As Python writes it: keys in order, with the type's number. */
function canonical(messages) {
  const ordered = (value) => {
    if (Array.isArray(value)) return value.map(ordered);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.keys(value).sort().map((name) => [name, ordered(value[name])]));
  };
  return JSON.stringify(
    messages.map((message) => {
      const value = { type: TYPES[message.message], ...plain(message) };
      if ("captured_us" in value) value.captured_us = Math.min(value.captured_us, Number.MAX_SAFE_INTEGER);
      return ordered(value);
    }),
  );
}

test("each mutant is judged as Python judges it", () => {
  const { seed, count, outcomes } = readVectors("wire_mutants.json");
  const expected = outcomes.join(" ").split(" ");
  let at = 0;
  for (const data of mutants(seed, count, originals)) {
    const outcome = isRefused(data) ? "-" : fnv1a(Buffer.from(canonical(decode(data))));
    assert.equal(outcome, expected[at++], `mutant ${at - 1}: ${data.toString("hex")}`);
  }
  assert.equal(at, count);
});

test("a message cut at any byte is refused", () => {
  for (const data of alone)
    for (let cut = 0; cut < data.length; cut++) assert.ok(isRefused(data.subarray(0, cut)), data.toString("hex"));
});

test("a body may be as long as its type says, and not a byte longer", () => {
  for (const [name, { type, maximum }] of Object.entries(MESSAGES)) {
    const data = alone.find((each) => each[0] === type);
    const long = Buffer.concat([data, Buffer.alloc(HEADER_BYTES + maximum + 1 - data.length)]);
    long.writeUInt32LE(maximum + 1, 4);
    assert.ok(isRefused(long), name);
    const full = long.subarray(0, -1);
    full.writeUInt32LE(maximum, 4);
    if (name !== "FRAME") assert.deepEqual(decode(full), decode(data), name);
  }
});

test("messages repeated and in any order are read as they come", () => {
  const draw = generator(7);
  for (let round = 0; round < 300; round++) {
    const chosen = Array.from({ length: 1 + (draw() % 6) }, () => originals[draw() % originals.length]);
    assert.deepEqual(decode(Buffer.concat(chosen)), chosen.flatMap((data) => decode(data)));
  }
});

test("a display larger than 16384 is refused", () => {
  const resized = alone.find((data) => data[0] === TYPES.RESIZED);
  const huge = Buffer.from(resized);
  huge.writeUInt16LE(16385, HEADER_BYTES);
  assert.ok(isRefused(huge));
  huge.writeUInt16LE(16384, HEADER_BYTES);
  assert.ok(!isRefused(huge));
});
