/** A worker that says anything in any order: the client keeps its states and its grant, and the page lives. */

import assert from "node:assert/strict";
import test from "node:test";

import { decode } from "../../web_client/core/protocol/messages.js";
import { ProtocolError } from "../../web_client/core/protocol/wire.js";
import { paint } from "../../web_client/core/display/tiles.js";
import { Scene, active, challenge, grantOf, welcome } from "./connection_scene.js";
import { generator } from "./mutants.js";
import { readVectors } from "./vectors.js";

const messages = readVectors("wire.json")
  .filter((vector) => vector.messages?.length)
  .flatMap(({ hex }) => decode(new Uint8Array(Buffer.from(hex, "hex"))))
  .map((message) => (message.message === "FRAME" ? { message: "PICTURE", ...message } : message));

async function settled() {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

for (const [what, early] of Object.entries({
  "a challenge before the admission": [challenge],
  "a welcome before the challenge": [{ message: "ADMITTED", grant: grantOf(1) }, welcome(1, 0)],
  "a second admission": [{ message: "ADMITTED", grant: grantOf(1) }, { message: "ADMITTED", grant: grantOf(9) }],
  "a second challenge": [{ message: "ADMITTED", grant: grantOf(1) }, challenge, challenge],
  "a title before the welcome": [
    { message: "ADMITTED", grant: grantOf(1) }, challenge, { message: "TITLE", title: "early" },
  ],
})) {
  test(`${what} ends the connection as a protocol error`, async () => {
    const scene = new Scene();
    scene.connection.start();
    await scene.opened(1);
    scene.transport.tell(...early);
    await settled();
    assert.deepEqual(scene.states.at(-1), { state: "closed", code: "protocol_error" });
    assert.deepEqual(scene.transport.closed, [4400]);
    assert.equal(scene.transport.sent.filter(({ message }) => message === "PROOF").length, 0);
  });
}

for (const late of [{ message: "ADMITTED", grant: grantOf(9) }, challenge, welcome(1, 0), { message: "REFRESH" }]) {
  test(`${late.message} from a worker in mid-session ends the connection`, async () => {
    const scene = await active();
    scene.transport.tell(late);
    assert.deepEqual(scene.states.at(-1), { state: "closed", code: "protocol_error" });
  });
}

test("nothing that comes behind what ended the connection is looked at", async () => {
  const scene = await active();
  const seen = [];
  scene.connection.addEventListener("received", ({ detail }) => seen.push(detail.message.message));
  scene.transport.tell({ message: "TITLE", title: "before" }, challenge, { message: "TITLE", title: "after" });
  assert.deepEqual(seen, ["TITLE"]);
});

test("any messages in any order leave a connection that is active, under way or closed", async () => {
  const draw = generator(20261121);
  const ends = new Set();
  for (let round = 0; round < 200; round++) {
    const scene = draw() % 2 ? await active() : new Scene();
    if (scene.states.length === 0) {
      scene.connection.start();
      await scene.opened(1);
    }
    for (let portion = 0; portion < 4 && scene.state !== "closed"; portion++) {
      scene.transport.tell(...Array.from({ length: 1 + (draw() % 4) }, () => messages[draw() % messages.length]));
      await settled();
    }
    ends.add(scene.state);
    scene.connection.stop();
    assert.equal(scene.state, "closed");
  }
  assert.deepEqual([...ends].filter((state) => !["active", "connecting", "closed"].includes(state)), []);
  assert.ok(ends.has("closed"));
});

test("a box beyond the display or too many pixels are a protocol error before memory is taken", () => {
  const zstd = { decompress: () => assert.fail("decompressed") };
  const tile = (x, y, width, height) =>
    ({ kind: 1, operation: "TILE_ZSTD", x, y, width, height, data: new Uint8Array(1) });
  const frame = (...operations) => ({ message: "FRAME", sequence: 1, lastInput: 0, capturedUs: 0, operations });
  const display = { width: 16384, height: 16384 };
  assert.throws(() => paint(frame(tile(1, 0, 16384, 1)), display, { zstd }), ProtocolError);
  assert.throws(() => paint(frame(tile(65535, 65535, 65535, 65535)), display, { zstd }), ProtocolError);
  const whole = tile(0, 0, 16384, 16384);
  assert.throws(() => paint(frame(whole, whole, whole, whole, whole), display, { zstd }), ProtocolError);
  assert.throws(() => paint(frame(tile(0, 0, 1, 1)), { width: 0, height: 0 }, zstd), ProtocolError);
});
