import assert from "node:assert/strict";
import test from "node:test";

import { LIMIT, Outbox } from "../../web_client/core/input/outbox.js";

const key = (text) => ({ message: "KEY", down: true, modifiers: 0, locks: 0, code: "", text });
const pointer = (x, buttons = 0) => ({ message: "POINTER", x, y: 0, buttons, modifiers: 0 });
const texts = (list) => list.map(({ text }) => text).join("");

test("input is numbered from 1 by one", () => {
  const outbox = new Outbox();
  assert.deepEqual(["a", "b", "c"].map((text) => outbox.add(key(text)).sequence), [1, 2, 3]);
});

test("after a resume exactly the input that was not applied is sent again, in order and with its numbers", () => {
  const outbox = new Outbox();
  for (const text of "abcdef") outbox.add(key(text));
  outbox.acknowledge(2);
  const again = outbox.resume(4);
  assert.equal(texts(again), "ef");
  assert.deepEqual(again.map(({ sequence }) => sequence), [5, 6]);
  assert.equal(outbox.add(key("g")).sequence, 7);
});

test("input typed while the connection is away follows on resume", () => {
  const outbox = new Outbox();
  outbox.add(key("a"));
  for (const text of "bc") assert.equal(outbox.addWhileAway(key(text)), true);
  assert.equal(texts(outbox.resume(1)), "bc");
});

test("a second resume repeats what the first could not bring", () => {
  const outbox = new Outbox();
  for (const text of "abc") outbox.add(key(text));
  assert.equal(texts(outbox.resume(1)), "bc");
  assert.equal(texts(outbox.resume(2)), "c");
  assert.equal(texts(outbox.resume(3)), "");
});

test("movements while away become one, but never across a button or a key", () => {
  const outbox = new Outbox();
  for (const each of [pointer(1), pointer(2), pointer(3, 1), pointer(4, 1), key("a"), pointer(5, 1), pointer(6, 0)])
    outbox.addWhileAway(each);
  const kept = outbox.resume(0).map(({ x, buttons, text }) => text ?? [x, buttons]);
  assert.deepEqual(kept, [[2, 0], [4, 1], "a", [5, 1], [6, 0]]);
});

test("more than the limit is refused while away, and nothing stays pressed afterwards", () => {
  const outbox = new Outbox();
  for (let count = 0; count < LIMIT; count++) assert.equal(outbox.addWhileAway(key("x")), true);
  assert.equal(outbox.addWhileAway(key("y")), false);
  const again = outbox.resume(0);
  assert.equal(again.length, LIMIT + 1);
  assert.equal(again.at(-1).message, "RELEASE_ALL");
  assert.equal(again.at(-1).sequence, LIMIT + 1);
});

test("no more than the limit is kept while a worker does not acknowledge", () => {
  const outbox = new Outbox();
  for (let count = 0; count < LIMIT + 10; count++) outbox.add(key("x"));
  assert.equal(outbox.size, LIMIT);
  assert.equal(outbox.resume(0).at(-1).message, "RELEASE_ALL");
});

test("once everything is applied, an overflow of before is forgotten", () => {
  const outbox = new Outbox();
  for (let count = 0; count < LIMIT + 1; count++) outbox.add(key("x"));
  assert.deepEqual(outbox.resume(LIMIT + 1), []);
});

test("a movement that may have been applied is not replaced by one made while away", () => {
  const outbox = new Outbox();
  outbox.add(pointer(1));
  outbox.addWhileAway(pointer(2));
  outbox.addWhileAway(pointer(3));
  assert.deepEqual(outbox.resume(1).map(({ x, sequence }) => [x, sequence]), [[3, 2]]);
});

test("a new epoch starts at 1 and repeats nothing that was sent before", () => {
  const outbox = new Outbox();
  outbox.add(key("a"));
  outbox.restart();
  assert.deepEqual(outbox.resume(0), []);
  assert.equal(outbox.add(key("b")).sequence, 1);
});

test("what was typed while away follows in a new epoch as well, with nothing held down", () => {
  const outbox = new Outbox();
  outbox.add(key("a"));
  for (const text of "bc") outbox.addWhileAway(key(text));
  outbox.restart();
  const again = outbox.resume(0).map(({ message, text, sequence }) => [text ?? message, sequence]);
  assert.deepEqual(again, [["RELEASE_ALL", 1], ["b", 2], ["c", 3]]);
  outbox.restart();
  assert.deepEqual(outbox.resume(0), []);
});
