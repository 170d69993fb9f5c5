import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import test from "node:test";

import { SpareBuffers, WORTH_KEEPING_BYTES } from "../../web_client/core/display/buffers.js";
import { expandRgb, paint } from "../../web_client/core/display/tiles.js";
import { ZstdDecoder } from "../../web_client/core/display/zstd.js";
import { operations } from "../../web_client/core/protocol/operations.js";
import { ProtocolError, Reader } from "../../web_client/core/protocol/wire.js";
import { fromHex, readVectors } from "./vectors.js";

const wasm = readFileSync(new URL("../../web_client/vendor/zstddec.wasm", import.meta.url));
const zstd = await ZstdDecoder.instantiate(wasm);
const vectors = readVectors("zstd.json");

for (const { name, hex, length, sha256 } of vectors) {
  test(`decompresses ${name}`, () => {
    const content = zstd.decompress(fromHex(hex), length);
    assert.equal(createHash("sha256").update(content).digest("hex"), sha256);
    assert.equal(content.byteOffset % 4, 0);
  });

  test(`refuses another length than was promised: ${name}`, () => {
    assert.throws(() => zstd.decompress(fromHex(hex), length + 3), RangeError);
    assert.throws(() => zstd.decompress(fromHex(hex), length - 1), RangeError);
  });

  test(`refuses a frame that is cut short: ${name}`, () => {
    assert.throws(() => zstd.decompress(fromHex(hex).subarray(0, hex.length / 2 - 1), length), RangeError);
  });
}

test("refuses what is no zstd, and goes on", () => {
  assert.throws(() => zstd.decompress(new TextEncoder().encode("not compressed at all"), 30), RangeError);
  assert.throws(() => zstd.decompress(new Uint8Array(), 3), RangeError);
  const [{ hex, length }] = vectors;
  assert.deepEqual([...zstd.decompress(fromHex(hex), length)], [1, 2, 3]);
});

test("RGB becomes opaque RGBA, whatever the count is", () => {
  for (const count of [1, 2, 3, 4, 5, 8, 63, 64, 65]) {
    const rgb = Uint8Array.from({ length: count * 3 }, (_, index) => (index * 37) % 256);
    const rgba = new Uint32Array(count + 2);
    expandRgb(rgb, rgba, 1, count);
    const bytes = new Uint8Array(rgba.buffer, 4, count * 4);
    const expected = Array.from({ length: count }, (_, pixel) => [...rgb.subarray(pixel * 3, pixel * 3 + 3), 255]).flat();
    assert.deepEqual([...bytes], expected);
    assert.deepEqual([rgba[0], rgba[count + 1]], [0, 0], "nothing beside it is written");
  }
});

const display = { width: 100, height: 50 };
const tile = (box) => ({ kind: 1, operation: "TILE_ZSTD", data: fromHex(vectors[0].hex), ...box });
const fill = (box) => ({ kind: 2, operation: "FILL", red: 1, green: 2, blue: 3, ...box });
const frame = (...operations) => ({ message: "FRAME", sequence: 1, lastInput: 9, capturedUs: 0, operations });

test("a frame becomes one buffer and a list of parts in their order", () => {
  const picture = paint(
    frame(tile({ x: 1, y: 2, width: 1, height: 1 }), fill({ x: 0, y: 0, width: 100, height: 50 }), tile({ x: 3, y: 4, width: 1, height: 1 })),
    display,
    { zstd },
  );
  assert.deepEqual(picture.parts, [
    { x: 1, y: 2, width: 1, height: 1, offset: 0 },
    { x: 0, y: 0, width: 100, height: 50, colour: "rgb(1 2 3)" },
    { x: 3, y: 4, width: 1, height: 1, offset: 4 },
  ]);
  assert.deepEqual([...new Uint8Array(picture.pixels)], [1, 2, 3, 255, 1, 2, 3, 255]);
  assert.deepEqual([picture.sequence, picture.lastInput, picture.incomplete], [1, 9, false]);
});

test("a kind of a later version is left out, and said so", () => {
  const later = { kind: 9, operation: null, body: new Uint8Array(3) };
  const picture = paint(frame(later, fill({ x: 0, y: 0, width: 1, height: 1 })), display, { zstd });
  assert.equal(picture.parts.length, 1);
  assert.equal(picture.incomplete, true);
});

test("a box beyond the display is refused before anything is decompressed", () => {
  const never = { decompress: () => assert.fail("decompressed") };
  for (const box of [{ x: 100, y: 0, width: 1, height: 1 }, { x: 0, y: 0, width: 1, height: 51 }]) {
    assert.throws(() => paint(frame(tile(box)), display, { zstd: never }), ProtocolError);
    assert.throws(() => paint(frame(fill(box)), display, { zstd: never }), ProtocolError);
  }
});

test("a frame cannot ask for more memory than its display explains", () => {
  const never = { decompress: () => assert.fail("decompressed") };
  const whole = tile({ x: 0, y: 0, width: 100, height: 50 });
  assert.throws(() => paint(frame(whole, whole, whole, whole, whole), display, { zstd: never }), ProtocolError);
});

test("a damaged tile is a protocol error", () => {
  const damaged = { ...tile({ x: 0, y: 0, width: 2, height: 2 }) };
  assert.throws(() => paint(frame(damaged), display, { zstd }), ProtocolError);
});

test("strips of too few or too many bytes are a protocol error, of greys as of colours", () => {
  const strips = { first: 1, rows: 1, data: fromHex(vectors[0].hex), x: 0, y: 0, height: 1 };
  for (const [operation, kind, fitting] of [["TILE_GREY", 11, 3], ["TILE_COLUMNS", 10, 1]])
    for (const width of [1, 2, 3, 4]) {
      const draw = () => paint(frame({ ...strips, operation, kind, width }), display, { zstd });
      if (width === fitting) assert.equal(draw().pixels.byteLength >= width * 4, true);
      else assert.throws(draw, ProtocolError, `${operation} ${width}`);
    }
});

for (const { name, width, height, hex, sha256 } of readVectors("palettes.json"))
  test(`tiles with palettes show what the worker saw: ${name}`, () => {
    const [operation] = operations.read(new Reader(Uint8Array.from([1, 0, ...fromHex(hex)])));
    const picture = paint(frame(operation), { width, height }, { zstd });
    const shown = new Uint8Array(picture.pixels, 0, width * height * 4);
    assert.equal(createHash("sha256").update(shown).digest("hex"), sha256);
  });

test("indexes of too few or too many bytes are a protocol error, palettes and strips included", () => {
  for (const { hex, length } of vectors) {
    const tile = { kind: 12, operation: "TILE_PALETTE", x: 0, y: 0, height: 1, first: 1, rows: 1, depth: 1, data: fromHex(hex) };
    for (const palettes of [1, 2])
      for (const width of [1, 2, 50]) {
        const fits = 6 * palettes + (palettes - 1) + width === length;
        if (!fits) assert.throws(() => paint(frame({ ...tile, width, palettes }), display, { zstd }), ProtocolError, `${length}`);
      }
  }
  const never = { decompress: () => assert.fail("decompressed") };
  const large = { kind: 12, operation: "TILE_PALETTE", x: 0, y: 0, width: 100, height: 50, first: 1, rows: 1, depth: 1, palettes: 1 };
  const many = Array.from({ length: 5 }, () => ({ ...large, data: new Uint8Array(1) }));
  assert.throws(() => paint(frame(...many), display, { zstd: never }), ProtocolError, "more memory than a display's four");
  assert.throws(() => paint(frame({ ...many[0], x: 1 }), display, { zstd: never }), ProtocolError, "beyond the display");
});

test("a large buffer that was given back is used again; small pictures leave it alone", () => {
  const buffers = new SpareBuffers();
  const large = buffers.take(WORTH_KEEPING_BYTES).buffer;
  buffers.give(large);
  assert.notEqual(buffers.take(4).buffer, large);
  assert.notEqual(buffers.take(WORTH_KEEPING_BYTES + 1).buffer, large, "it is too small");
  assert.equal(buffers.take(WORTH_KEEPING_BYTES - 1).buffer, large);
  assert.notEqual(buffers.take(WORTH_KEEPING_BYTES - 1).buffer, large, "it is in use");
});

test("no more than two buffers are kept, the largest", () => {
  const buffers = new SpareBuffers();
  const sizes = [1, 3, 2].map((factor) => factor * WORTH_KEEPING_BYTES);
  for (const size of sizes) buffers.give(new ArrayBuffer(size));
  const taken = Array.from({ length: 3 }, () => buffers.take(WORTH_KEEPING_BYTES / 4).buffer.byteLength);
  assert.deepEqual(taken, [sizes[1], sizes[2], WORTH_KEEPING_BYTES]);
});
