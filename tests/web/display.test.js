/** What becomes of a frame's operations before a canvas sees them: columns, slots, photographs, streams. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { TileCache } from "../../web_client/core/display/cache.js";
import { sizeOfJpeg } from "../../web_client/core/display/jpeg.js";
import { Offer } from "../../web_client/core/display/offer.js";
import { DRAWN, expandColumns, expandGrey, expandIndexes, indexedBytes, paint } from "../../web_client/core/display/tiles.js";
import { Streams, bitOf } from "../../web_client/core/display/video.js";
import { MESSAGES, decode, encode } from "../../web_client/core/protocol/messages.js";
import { CACHE_PIXELS, VIDEO } from "../../web_client/core/protocol/operations.js";
import { ProtocolError } from "../../web_client/core/protocol/wire.js";
import { isForWorker } from "../../web_client/core/transport/reader.js";
import { FakeDecoder, FakeFrame, withDecoder } from "./fake_decoder.js";
import { generator, mutants } from "./mutants.js";
import { readVectors } from "./vectors.js";

const display = { width: 64, height: 48 };
const frame = (...operations) => ({ message: "FRAME", sequence: 1, lastInput: 9, capturedUs: 0, operations });
const box = (x, y, width, height) => ({ x, y, width, height });

// --- exact

test("columns become rows, whatever the strips are", () => {
  const [width, height] = [3, 7];
  const at = (x, y) => [x, y, x * 16 + y];
  for (const [first, rows] of [[1, 1], [2, 3], [7, 1], [3, 200], [255, 255]]) {
    const rgb = [];
    for (let top = 0, count = first; top < height; top += count, count = rows)
      for (let x = 0; x < width; x++)
        for (let y = top; y < Math.min(top + count, height); y++) rgb.push(...at(x, y));
    const rgba = new Uint32Array(width * height + 2);
    expandColumns(Uint8Array.from(rgb), rgba, 1, { width, height, first, rows });
    const bytes = [...new Uint8Array(rgba.buffer, 4, width * height * 4)];
    const expected = Array.from({ length: width * height }, (_, n) => [...at(n % width, Math.floor(n / width)), 255]).flat();
    assert.deepEqual(bytes, expected, `${first}, ${rows}`);
    assert.deepEqual([rgba[0], rgba.at(-1)], [0, 0]);
  }
});

test("a grey is all three colours, whatever the strips are", () => {
  const [width, height] = [3, 7];
  const at = (x, y) => 255 - (x * 16 + y);
  for (const [first, rows] of [[1, 1], [2, 3], [7, 1], [3, 200], [255, 255]]) {
    const greys = [];
    for (let top = 0, count = first; top < height; top += count, count = rows)
      for (let x = 0; x < width; x++)
        for (let y = top; y < Math.min(top + count, height); y++) greys.push(at(x, y));
    const rgba = new Uint32Array(width * height + 2);
    expandGrey(Uint8Array.from(greys), rgba, 1, { width, height, first, rows });
    const expected = Array.from({ length: width * height }, (_, n) => at(n % width, Math.floor(n / width)));
    assert.deepEqual([...new Uint8Array(rgba.buffer, 4, width * height * 4)], expected.flatMap((grey) => [grey, grey, grey, 255]));
    assert.deepEqual([rgba[0], rgba.at(-1)], [0, 0]);
  }
});

/** What a tile of these indexes holds before it is compressed. */
function indexedContent(at, { width, height, first, rows, depth, palettes }, colours, numberOf) {
  const content = colours.flat(2);
  const strips = [];
  for (let top = 0, count = first; top < height; top += count, count = rows) strips.push([top, Math.min(top + count, height)]);
  if (palettes > 1) content.push(...strips.map((_, strip) => numberOf(strip)));
  for (const [top, end] of strips)
    for (let x = 0; x < width; x++) {
      let bits = "";
      for (let y = top; y < end; y++) bits = at(x, y).toString(2).padStart(depth, "0") + bits;
      bits = bits.padStart(Math.ceil(bits.length / 8) * 8, "0");
      for (let byte = bits.length; byte > 0; byte -= 8) content.push(Number.parseInt(bits.slice(byte - 8, byte), 2));
    }
  return Uint8Array.from(content);
}

test("indexes are colours of their strip's palette, whatever depth and strips are", () => {
  const [width, height] = [3, 21];
  for (const depth of [1, 2, 4, 8])
    for (const palettes of [1, 2, 16])
      for (const [first, rows] of [[1, 1], [2, 3], [7, 13], [3, 200], [21, 1], [255, 255]]) {
        const tile = { width, height, first, rows, depth, palettes };
        const at = (x, y) => (x * 7 + y * 5) % 2 ** depth;
        const colours = Array.from({ length: palettes }, (_, palette) =>
          Array.from({ length: 2 ** depth }, (_, index) => [palette, index, 255 - index]));
        const numberOf = (strip) => (palettes > 1 ? (strip * 5) % palettes : 0);
        const content = indexedContent(at, tile, colours, numberOf);
        assert.equal(content.length, indexedBytes(tile), JSON.stringify(tile));
        const rgba = new Uint32Array(width * height + 2);
        expandIndexes(content, rgba, 1, tile);
        const expected = Array.from({ length: width * height }, (_, pixel) => {
          const [x, y] = [pixel % width, Math.floor(pixel / width)];
          return [...colours[numberOf(y < first ? 0 : 1 + Math.floor((y - first) / rows))][at(x, y)], 255];
        });
        assert.deepEqual([...new Uint8Array(rgba.buffer, 4, width * height * 4)], expected.flat(), JSON.stringify(tile));
        assert.deepEqual([rgba[0], rgba.at(-1)], [0, 0], "nothing beside it is written");
      }
});

test("a strip of a palette that is not there is refused", () => {
  const tile = { width: 1, height: 2, first: 1, rows: 1, depth: 1, palettes: 2 };
  const content = (second) => Uint8Array.from([...Array(12).fill(7), 0, second, 0, 1]);
  expandIndexes(content(1), new Uint32Array(2), 0, tile);
  assert.throws(() => expandIndexes(content(2), new Uint32Array(2), 0, tile), ProtocolError);
});

test("a move that takes pixels from beyond the display is refused", () => {
  const move = (fromX) => ({ kind: 3, operation: "MOVE", ...box(0, 0, 60, 1), fromX, fromY: 0 });
  assert.throws(() => paint(frame(move(5)), display, {}), ProtocolError);
  assert.deepEqual(paint(frame(move(4)), display, {}).parts, [{ ...box(0, 0, 60, 1), fromX: 4, fromY: 0 }]);
});

test("every kind in the table is said to be drawn, and nothing else", () => {
  const kinds = Array.from({ length: 31 }, (_, kind) => kind).filter((kind) => (DRAWN / 2 ** kind) & 1);
  assert.deepEqual(kinds, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  assert.deepEqual(decode(encode({ message: "CAPABILITIES", operations: DRAWN, video: 15 }))[0].operations, DRAWN);
});

// --- slots

const image = (width, height) => ({ width, height });

test("a slot keeps what was put there last, and the cache no more than its pixels", () => {
  const cache = new TileCache();
  cache.put(3, image(128, 128));
  cache.put(3, image(2, 1));
  assert.deepEqual([cache.get(3), cache.pixels], [image(2, 1), 2]);
  for (let slot = 0; slot < 4096; slot++) cache.put(slot, image(128, 128));
  assert.equal(cache.pixels, CACHE_PIXELS);
  cache.clear();
  assert.deepEqual([cache.get(4095), cache.pixels], [undefined, 0]);
});

test("what was not used for the longest time is dropped first", () => {
  const cache = new TileCache();
  for (let slot = 0; slot < 512; slot++) cache.put(slot, image(128, 128));
  cache.get(0);
  cache.put(600, image(1, 1));
  assert.deepEqual([cache.get(0), cache.get(1), cache.get(2)].map(Boolean), [true, false, true]);
});

// --- photographs

/** A start, a segment that is skipped, and a size. */
const jpeg = (width, height, marker = 0xc0) =>
  Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, marker, 0, 17, 8, height >> 8, height & 255, width >> 8, width & 255, 3);

test("a photograph's size is read, and only that of a sequential one", () => {
  assert.deepEqual(sizeOfJpeg(jpeg(640, 300)), { width: 640, height: 300 });
  assert.equal(sizeOfJpeg(jpeg(640, 300, 0xc2)), null);
  assert.equal(sizeOfJpeg(Uint8Array.of(0x89, 0x50, 0x4e, 0x47)), null);
});

test("a photograph that is cut or not of its tile's size is refused before it is decoded", () => {
  const media = { jpeg: () => assert.fail("decoded") };
  const tile = (data, width = 20, height = 10) => ({ kind: 9, operation: "TILE_JPEG", ...box(0, 0, width, height), data });
  const whole = jpeg(20, 10);
  for (let cut = 1; cut < whole.length - 1; cut++)
    assert.throws(() => paint(frame(tile(whole.subarray(0, cut))), display, { media }), ProtocolError, `cut at ${cut}`);
  for (const [width, height] of [[65535, 65535], [21, 10], [20, 9]])
    assert.throws(() => paint(frame(tile(jpeg(width, height))), display, { media }), ProtocolError);
});

test("any bytes have a size or none", () => {
  const draw = generator(11);
  for (let round = 0; round < 5000; round++) {
    const data = Uint8Array.from({ length: draw() % 40 }, () => draw());
    data.set(jpeg(1, 1).subarray(0, Math.min(data.length, draw() % 18)));
    const size = sizeOfJpeg(data);
    assert.ok(size === null || (size.width >= 0 && size.height <= 65535));
  }
});

// --- streams

const config = (changes = {}) =>
  ({ kind: 6, operation: "VIDEO_CONFIG", stream: 0, colour: 1, ...box(4, 2, 32, 16), codedWidth: 48, codedHeight: 16, codec: "vp8", ...changes });
const video = (isKey, changes = {}) =>
  ({ kind: 7, operation: "VIDEO", stream: 0, isKey, data: Uint8Array.of(isKey ? 1 : 0, 7), ...changes });
const end = { kind: 8, operation: "VIDEO_END", stream: 0 };

class Worker {
  failed = [];
  streams = new Streams((bit) => this.failed.push(bit));

  /** A frame's picture, once it is whole. */
  async paint(...operations) {
    const later = [];
    const picture = paint(frame(...operations), display, { media: { streams: this.streams }, later });
    await Promise.all(later);
    return picture;
  }
}

test("a codec belongs to one bit, or to none", () => {
  const codecs = { "avc1.42c02a": 1, "avc1.64002a": 1, "avc1.f4002a": 2, vp8: 4, "vp09.00.40.08": 8, "vp09.01.40.08": 0, "av01.0": 0, "": 0 };
  for (const [codec, bit] of Object.entries(codecs)) assert.equal(bitOf(codec), bit, codec);
});

test("frames with streams or photographs are the worker's, however small", () => {
  for (const operation of [config(), video(true), end, { operation: "TILE_JPEG", width: 1, height: 1 }])
    assert.ok(isForWorker([frame(operation)], 1000));
  assert.ok(!isForWorker([frame({ operation: "TILE_ZSTD", width: 10, height: 10 })], 101));
  assert.ok(isForWorker([{ message: "SMALL_FRAME", operations: [{ operation: "TILE_COLUMNS", width: 10, height: 10 }] }], 100));
});

test("a picture stands in its stream's box, cut to it, and every VideoFrame is closed", () => withDecoder(async () => {
  const worker = new Worker();
  const picture = await worker.paint(config(), video(true));
  assert.deepEqual(picture.parts, [{ ...box(4, 2, 32, 16), offset: 0 }]);
  assert.deepEqual([picture.incomplete, new Uint8Array(picture.pixels)[0]], [false, 1]);
  const moved = await worker.paint(config({ x: 20, y: 30 }), video(false));
  assert.deepEqual(moved.parts, [{ ...box(20, 30, 32, 16), offset: 0 }]);
  assert.deepEqual([FakeDecoder.all.length, FakeFrame.open], [1, 0]);
  assert.equal(FakeDecoder.all[0].config.optimizeForLatency, true);
  assert.equal(FakeDecoder.all[0].config.colorSpace.matrix, "smpte170m");
}));

test("planes are handed on as the decoder has them, whole", () => withDecoder(async () => {
  FakeDecoder.format = "I420";
  const worker = new Worker();
  const picture = await worker.paint(config(), video(true));
  const planes = { format: "I420", colour: 1, stride: 48, height: 16 };
  assert.deepEqual(picture.parts, [{ ...box(4, 2, 32, 16), offset: 0, planes }]);
  const bytes = new Uint8Array(picture.pixels);
  const [colours, second] = [48 * 16, 24 * 8];
  assert.deepEqual([...bytes.subarray(0, 2), ...bytes.subarray(colours, colours + 2)], [0, 1, 1, 1]);
  assert.deepEqual([...bytes.subarray(colours + second, colours + second + 2)], [2, 1]);
  assert.equal(FakeFrame.open, 0);
}));

test("planes that are larger than the picture's pixels are converted by the browser", () => withDecoder(async () => {
  FakeDecoder.format = "I444";
  const picture = await new Worker().paint(config({ codedWidth: 128 }), video(true));
  assert.deepEqual(picture.parts, [{ ...box(4, 2, 32, 16), offset: 0 }]);
  assert.equal(new Uint8Array(picture.pixels)[32 * 16 * 4 - 1], 1);
}));

test("a picture that is given before its stream ends is drawn", () => withDecoder(async () => {
  const worker = new Worker();
  const picture = await worker.paint(config(), video(true), end);
  assert.equal(picture.parts.length, 1);
  assert.deepEqual([FakeDecoder.all[0].state, FakeFrame.open], ["closed", 0]);
}));

test("a picture that is given before another codec follows is drawn too", () => withDecoder(async () => {
  const worker = new Worker();
  const picture = await worker.paint(config(), video(true), config({ codec: "vp09.00.10.08", x: 30 }), video(true));
  assert.deepEqual(picture.parts.map(({ x }) => x), [4, 30]);
  assert.deepEqual([FakeDecoder.all.map(({ state }) => state), FakeFrame.open], [["closed", "configured"], 0]);
}));

test("another size or codec has another decoder, and needs a key picture", () => withDecoder(async () => {
  const worker = new Worker();
  await worker.paint(config(), video(true));
  const picture = await worker.paint(config({ codedWidth: 64 }), video(false));
  assert.deepEqual([picture.parts, picture.incomplete], [[], true]);
  assert.deepEqual(FakeDecoder.all.map(({ state }) => state), ["closed", "configured"]);
  assert.deepEqual(worker.failed, []);
}));

test("a stream that nobody began asks for a refresh; one whose display shrank too", () => withDecoder(async () => {
  const worker = new Worker();
  assert.equal((await worker.paint(video(true))).incomplete, true);
  assert.equal((await worker.paint(end)).incomplete, false);
  worker.streams.configure(config({ x: 60 }), 1 << 20);
  assert.equal((await worker.paint(video(true))).incomplete, true);
}));

for (const [name, behaviour] of Object.entries({
  "throws when it is made": "unknown",
  "throws when it is given something": "refuses",
  "reports an error": "errs",
  "brings nothing": "silent",
  "brings pictures that are too small": "small",
  "brings pictures that cannot be read": "unreadable",
}))
  test(`a decoder that ${name} is left out, once, and the frame is drawn without it`, (context) => withDecoder(async () => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    FakeDecoder.behaviour = behaviour;
    const worker = new Worker();
    const painting = worker.paint(config(), video(true), { kind: 2, operation: "FILL", ...box(0, 0, 1, 1), red: 1, green: 2, blue: 3 });
    context.mock.timers.tick(1000);
    const picture = await painting;
    assert.deepEqual([picture.parts.length, picture.incomplete], [1, false]);
    assert.equal((await worker.paint(video(false))).incomplete, false, "what replaces it is under way");
    assert.deepEqual(worker.failed, [VIDEO.VP8]);
    assert.deepEqual([FakeDecoder.open, FakeFrame.open], [0, 0]);
  }));

test("pictures that come one by one are waited for, each a second", (context) => withDecoder(async () => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  FakeDecoder.behaviour = "silent";
  const worker = new Worker();
  const drawn = Promise.all([worker.paint(config(), video(true)), worker.paint(video(false)), worker.paint(video(false))]);
  for (let number = 0; number < 3; number++) {
    context.mock.timers.tick(900);
    FakeDecoder.all[0].show();
  }
  assert.deepEqual((await drawn).map(({ parts }) => parts.length), [1, 1, 1]);
  assert.deepEqual(worker.failed, []);
}));

test("a unit without a picture is passed over when the next one has come", () => withDecoder(async () => {
  FakeDecoder.behaviour = "silent";
  const worker = new Worker();
  const drawn = Promise.all([worker.paint(config(), video(true)), worker.paint(video(false))]);
  FakeDecoder.all[0].waiting.shift();
  FakeDecoder.all[0].show();
  assert.deepEqual((await drawn).map(({ parts }) => parts.length), [0, 1]);
}));

test("a picture that nobody waits for does not make a decoder wait for ever", (t) => withDecoder(async () => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const worker = new Worker();
  FakeDecoder.behaviour = "silent";
  const painting = worker.paint(config(), video(true));
  FakeDecoder.all[0].output(new FakeFrame(-1, 1, 48, 16));
  t.mock.timers.tick(1000);
  assert.deepEqual(worker.failed, [VIDEO.VP8]);
  assert.deepEqual((await painting).parts, []);
}));

test("many streams leave no decoder and no picture behind", () => withDecoder(async () => {
  const worker = new Worker();
  for (let number = 0; number < 500; number++) {
    const stream = number % 16;
    await worker.paint(config({ stream, codedWidth: 48 + (number % 3) }), video(true, { stream }), video(false, { stream }));
    if (number % 5 === 0) await worker.paint({ ...end, stream });
  }
  assert.ok(FakeDecoder.open <= 16, String(FakeDecoder.open));
  worker.streams.close();
  assert.deepEqual([FakeDecoder.open, FakeFrame.open], [0, 0]);
}));

test("a codec that nobody offered, and pictures far larger than the display, are refused", () => withDecoder(async () => {
  const worker = new Worker();
  await assert.rejects(worker.paint(config({ codec: "hev1.1.6.L93.B0" })), ProtocolError);
  await assert.rejects(worker.paint(config({ codedWidth: 65535, codedHeight: 65535 })), ProtocolError);
  await assert.rejects(worker.paint(config({ x: 40 })), ProtocolError);
  assert.deepEqual(FakeDecoder.all, []);
}));

test("streams cannot ask for more memory than the display explains", () => withDecoder(async () => {
  const large = { width: 1024, height: 1024 };
  const whole = (stream) => config({ stream, ...box(0, 0, 1024, 1024), codedWidth: 1024, codedHeight: 1024 });
  const streams = new Streams(() => {});
  const start = (...operations) => paint(frame(...operations), large, { media: { streams } });
  for (let again = 0; again < 3; again++) start(...[0, 1, 2, 3].map(whole), end, whole(0));
  assert.equal(FakeDecoder.open, 4);
  assert.throws(() => start(whole(4)), ProtocolError);
}));

test("when a frame is refused the pictures that were on their way are closed", () => withDecoder(async () => {
  const worker = new Worker();
  const whole = Array.from({ length: 30 }, (_, number) => video(number === 0));
  await assert.rejects(worker.paint(config(), ...whole), ProtocolError);
  await FakeDecoder.all[0].flush();
  assert.equal(FakeFrame.open, 0);
  assert.deepEqual(worker.failed, []);
}));

// --- what is offered

/** A paint worker as an offer sees it. */
class FakeWorker extends EventTarget {
  probed = [];
  postMessage({ probe }) {
    this.probed.push(probe);
  }
  answer(video, probed) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: { video, probed } }));
  }
}

test("videos are offered when a worker has tried them, once for all workers, and by another if the first has ended", () => {
  const offer = new Offer();
  const [ended, one, other] = [new FakeWorker(), new FakeWorker(), new FakeWorker()];
  let changes = 0;
  offer.addEventListener("change", () => changes++);
  offer.learnFrom(ended);
  offer.learnFrom(one);
  assert.deepEqual([ended.probed, one.probed, offer.capabilities.video], [[15], [15], 0]);
  one.answer(13, 15);
  one.answer(13, 15);
  offer.learnFrom(other);
  assert.deepEqual(other.probed, []);
  assert.deepEqual([offer.capabilities.video, changes], [13, 1]);
});

test("a codec that failed is left out at once and offered again after another trial, three times at most", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const [offer, worker] = [new Offer(), new FakeWorker()];
  offer.learnFrom(worker);
  worker.answer(15, 15);
  for (let losses = 1; losses <= 4; losses++) {
    offer.lost(VIDEO.H264, worker);
    offer.lost(VIDEO.H264, worker);
    assert.equal(offer.capabilities.video, 14);
    context.mock.timers.tick(600_000);
    assert.equal(worker.probed.length, 1 + Math.min(losses, 3));
    if (losses < 4) worker.answer(VIDEO.H264, VIDEO.H264);
  }
  assert.equal(offer.capabilities.video, 14);
});

// --- mutations

test("frames with one thing after another broken are painted or refused, and nothing else", () => withDecoder(async () => {
  FakeDecoder.behaviour = "random";
  const originals = readVectors("wire.json").filter(({ messages }) => messages).map(({ hex }) => Buffer.from(hex, "hex"))
    .filter((data) => [MESSAGES.FRAME.type, MESSAGES.SMALL_FRAME.type].includes(data[0]));
  originals.push(Buffer.from(encode(frame(config({ stream: 3 }), video(true, { stream: 3 }), video(false, { stream: 3 }), { ...end, stream: 3 }))));
  originals.push(Buffer.from(encode(frame({ kind: 9, operation: "TILE_JPEG", ...box(0, 0, 20, 10), data: jpeg(20, 10) }))));
  const size = { width: 1280, height: 720 };
  const worker = new Worker();
  const jpegs = async (_, width, height) => new Uint8ClampedArray(width * height * 4);
  const zstd = { decompress: (data, length) => {
    if (data[0] & 1) throw new RangeError("damaged");
    return new Uint8Array(length);
  } };
  let painted = 0;
  for (const data of mutants(5, 3000, originals)) {
    try {
      for (const message of decode(data)) {
        if (!message.operations) continue;
        const later = [];
        const picture = paint(message, size, { zstd, media: { jpeg: jpegs, streams: worker.streams }, later });
        await Promise.all(later);
        for (const part of picture.parts) if ("offset" in part)
          assert.ok(part.offset + part.width * part.height * 4 <= picture.pixels.byteLength);
        painted++;
      }
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error?.stack));
    }
  }
  assert.ok(painted > 300, String(painted));
  worker.streams.close();
  assert.deepEqual([FakeDecoder.open, FakeFrame.open], [0, 0]);
}));

test("the test pictures are those of every codec that can be offered", () => {
  const text = readFileSync(new URL("../../web_client/core/display/probe_frames.js", import.meta.url), "utf8");
  for (const name of Object.keys(VIDEO)) assert.match(text, new RegExp(`^  ${name}: \\{$`, "m"));
});
