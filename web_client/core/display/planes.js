/**
 * A decoder's own pictures, planes of light and colours, to RGBA, a few rows at a time.
 *
 * `VideoFrame.copyTo` converts as well, but Chromium does so by way of a picture of its own, which it then turns from BGRA:
 * 6.2 ms for 1920x1080 where copying the planes takes 0.4 and this 2.0 (measured in turns on a busy machine), and a canvas
 * takes rows sooner that were just written.
 */

import { COLOUR } from "../protocol/operations.js";
import {
  add, addWithin, assemble, eight, get, i32, isBelow, load, loadHalf, product, repeat, set, shiftLeft, shiftRight, shuffle,
  store, subtract, sum, toBytes, toNumbers,
} from "./simd.js";

/** @typedef {import("./simd.js").Code} Code */
/** @typedef {"I420" | "I444"} Format colours of 2x2 pixels each, or of every pixel */
/**
 * How a picture's planes lie, one behind the other.
 * @typedef {{format: Format, colour: number, stride: number, height: number}} Planes
 *   `colour`: of VIDEO_CONFIG. `stride`: bytes of a row of the light, and pixels of a row of what comes of it
 */
/** @typedef {(y: number, u: number, v: number, to: number, end: number) => void} Row addresses; `end` is that of `to` */

/** Pixels that are converted at once; rows are filled up to it. */
const STEP = 16;
const LONGEST_ROW = 8192;
/** They, and what comes of them, stay in the processor's nearer memory. */
const BAND_ROWS = 16;
const RGBA_BYTES = LONGEST_ROW * BAND_ROWS * 4;
const MEMORY_BYTES = RGBA_BYTES + LONGEST_ROW * BAND_ROWS * 3;

/** Of limited range: light to grey, and what red, green and blue get of the two colours. */
const LIGHT = 255 / 219;
/** @type {Record<number, {red: number, greenOfBlue: number, greenOfRed: number, blue: number}>} */
const COEFFICIENTS = {
  [COLOUR.BT601]: { red: 1.596027, greenOfBlue: -0.391762, greenOfRed: -0.812968, blue: 2.017232 },
  [COLOUR.BT709]: { red: 1.792741, greenOfBlue: -0.213249, greenOfRed: -0.532909, blue: 2.112402 },
};
const PROGRAM = assemble({
  parameters: 5,
  vectors: 12,
  memoryBytes: MEMORY_BYTES,
  functions: Object.fromEntries(
    /** @type {Format[]} */ (["I420", "I444"]).flatMap((format) =>
      Object.keys(COEFFICIENTS).map((colour) => [nameOf({ format, colour: Number(colour) }), row(format, Number(colour))]),
    ),
  ),
});
/** Browsers without vectors convert themselves. */
const IS_UNDERSTOOD = WebAssembly.validate(PROGRAM);

/** @type {{memory: Uint8ClampedArray<ArrayBuffer>, rows: Record<string, Row>} | null} */
let machine = null;

/**
 * How pictures are to be copied for `eachBand`; null if it does not know them.
 * @param {string | null} format of a VideoFrame
 * @param {number} colour
 * @param {{width: number, height: number}} visible
 * @returns {Planes | null}
 */
export function planesOf(format, colour, { width, height }) {
  const stride = Math.ceil(width / STEP) * STEP;
  if (!IS_UNDERSTOOD || stride > LONGEST_ROW || !(colour in COEFFICIENTS)) return null;
  return format === "I420" || format === "I444" ? { format, colour, stride, height } : null;
}

/** For `VideoFrame.copyTo`. @param {Planes} planes */
export function layoutOf(planes) {
  const colours = coloursOf(planes);
  const { light, each } = sizesOf(planes);
  return [
    { offset: 0, stride: planes.stride },
    { offset: light, stride: colours.stride },
    { offset: light + each, stride: colours.stride },
  ];
}

/** @param {Planes} planes */
export function bytesOf(planes) {
  const { light, each } = sizesOf(planes);
  return light + 2 * each;
}

/**
 * @param {Planes} planes
 * @param {Uint8ClampedArray} bytes of all of them
 * @param {number} height rows that are wanted
 * @param {(rgba: Uint8ClampedArray<ArrayBuffer>, top: number, rows: number) => void} visit gets rows of `stride` pixels,
 *   which stand there until it returns
 */
export function eachBand(planes, bytes, height, visit) {
  const { memory, rows } = (machine ??= start());
  const convert = rows[nameOf(planes)];
  const { stride } = planes;
  const colours = coloursOf(planes);
  const layout = layoutOf(planes);
  const u = RGBA_BYTES + stride * BAND_ROWS;
  const v = u + colours.stride * BAND_ROWS;
  for (let top = 0; top < height; top += BAND_ROWS) {
    const count = Math.min(BAND_ROWS, height - top);
    const [from, colourCount] = [top / colours.rowsOfOne, Math.ceil(count / colours.rowsOfOne)];
    copyRows(bytes, layout[0], top, count, memory, RGBA_BYTES);
    copyRows(bytes, layout[1], from, colourCount, memory, u);
    copyRows(bytes, layout[2], from, colourCount, memory, v);
    for (let y = 0, to = 0; y < count; y++, to += stride * 4) {
      const colour = Math.floor(y / colours.rowsOfOne) * colours.stride;
      convert(RGBA_BYTES + y * stride, u + colour, v + colour, to, to + stride * 4);
    }
    visit(memory.subarray(0, stride * count * 4), top, count);
  }
}

function start() {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(PROGRAM));
  const { memory, ...rows } = /** @type {any} */ (exports);
  return { memory: new Uint8ClampedArray(memory.buffer), rows };
}

/** @param {{format: Format, colour: number}} planes */
function nameOf({ format, colour }) {
  return `${format} ${colour}`;
}

/** @param {Planes} planes */
function coloursOf({ format, stride }) {
  return format === "I420" ? { stride: stride / 2, rowsOfOne: 2 } : { stride, rowsOfOne: 1 };
}

/** Bytes of the plane of light, and of each one of colours. @param {Planes} planes */
function sizesOf(planes) {
  const { stride, rowsOfOne } = coloursOf(planes);
  return { light: planes.stride * planes.height, each: stride * Math.ceil(planes.height / rowsOfOne) };
}

/**
 * @param {Uint8ClampedArray} bytes
 * @param {{offset: number, stride: number}} plane
 * @param {number} top
 * @param {number} count
 * @param {Uint8ClampedArray} memory
 * @param {number} to
 */
function copyRows(bytes, { offset, stride }, top, count, memory, to) {
  memory.set(bytes.subarray(offset + top * stride, offset + (top + count) * stride), to);
}

/**
 * One row, sixteen pixels a step. Numbers have six bits of fraction: 255 of the brightest red still fits into sixteen.
 * @param {Format} format
 * @param {number} colour
 */
function row(format, colour) {
  const [y, u, v, to, end] = [0, 1, 2, 3, 4];
  const [lights, blues, reds, light, blueness, redness] = [5, 6, 7, 8, 9, 10];
  /** Two for each: of the first and of the last eight pixels. */
  const channels = [11, 12, 13, 14, 15, 16];
  const { red, greenOfBlue, greenOfRed, blue } = COEFFICIENTS[colour];
  const isHalved = format === "I420";
  const halves = /** @type {const} */ ([0, 1]).flatMap((half) => [
    // Both are as large as fits, and the factors so much smaller: what they are worth beside each other is the same.
    ...set(light, add(scaled(toNumbers(get(lights), half), 16, 7, (LIGHT * 64) / 128), eight(32))),
    ...set(blueness, centred(isHalved ? doubled(get(blues), half) : toNumbers(get(blues), half))),
    ...set(redness, centred(isHalved ? doubled(get(reds), half) : toNumbers(get(reds), half))),
    ...set(channels[half], whole(addWithin(get(light), share(redness, red)))),
    ...set(channels[2 + half], whole(add(get(light), add(share(blueness, greenOfBlue), share(redness, greenOfRed))))),
    ...set(channels[4 + half], whole(addWithin(get(light), share(blueness, blue)))),
  ]);
  const bytes = [0, 2, 4].map((at) => toBytes(get(channels[at]), get(channels[at + 1])));
  const step = [
    ...set(lights, load(get(y))),
    ...set(blues, (isHalved ? loadHalf : load)(get(u))),
    ...set(reds, (isHalved ? loadHalf : load)(get(v))),
    ...halves,
    ...stored(to, bytes, [lights, blues, reds], [light, blueness]),
    ...advance(y, STEP),
    ...advance(u, isHalved ? STEP / 2 : STEP),
    ...advance(v, isHalved ? STEP / 2 : STEP),
    ...advance(to, STEP * 4),
  ];
  return repeat(step, isBelow(get(to), get(end)));
}

/** (numbers - least) shifted and multiplied. @param {Code} numbers @param {number} least @param {number} bits @param {number} factor */
function scaled(numbers, least, bits, factor) {
  return product(shiftLeft(subtract(numbers, eight(least)), i32(bits)), eight(fraction(factor)));
}

/** @param {Code} numbers */
function centred(numbers) {
  return shiftLeft(subtract(numbers, eight(128)), i32(8));
}

/** What a channel gets of a centred colour. @param {number} local @param {number} coefficient */
function share(local, coefficient) {
  return product(get(local), eight(fraction((coefficient * 64) / 256)));
}

/** @param {Code} numbers */
function whole(numbers) {
  return shiftRight(numbers, i32(6));
}

/** @param {number} value */
function fraction(value) {
  return Math.round(value * 32768);
}

/** Four of eight bytes, each as two numbers. @param {Code} bytes @param {number} half */
function doubled(bytes, half) {
  const zero = 16;
  const places = [0, 1, 2, 3].flatMap((place) => [place + half * 4, zero, place + half * 4, zero]);
  return shuffle(places, bytes, eight(0));
}

/**
 * Red, green and blue as pixels, with nothing to see through.
 * @param {number} to
 * @param {Code[]} channels
 * @param {number[]} three free locals
 * @param {number[]} two
 */
function stored(to, channels, three, [redGreen, blueAlpha]) {
  const [red, green, blue] = three.map(get);
  return [
    ...channels.flatMap((channel, number) => set(three[number], channel)),
    ...[0, 1].flatMap((half) => [
      ...set(redGreen, shuffle(interleaved(1, half), red, green)),
      ...set(blueAlpha, shuffle(interleaved(1, half), blue, eight(-1))),
      ...[0, 1].flatMap((quarter) =>
        store(get(to), half * 32 + quarter * 16, shuffle(interleaved(2, quarter), get(redGreen), get(blueAlpha))),
      ),
    ]),
  ];
}

/** Pieces of so many bytes of the one and of the other in turn: of their first or their last half. @param {number} bytes @param {number} half */
function interleaved(bytes, half) {
  return Array.from({ length: 16 }, (_, at) => {
    const [piece, byte] = [Math.floor(at / bytes), at % bytes];
    return (piece % 2) * 16 + half * 8 + Math.floor(piece / 2) * bytes + byte;
  });
}

/** @param {number} local @param {number} bytes */
function advance(local, bytes) {
  return set(local, sum(get(local), i32(bytes)));
}
