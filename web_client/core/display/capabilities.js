/**
 * What this browser decodes, found out by decoding: `isConfigSupported` also promises what then fails, or what comes out in
 * other colours, or one picture late.
 */

import { eachBand } from "./planes.js";
import { COLOURS, PROBE_FRAMES, SIDE } from "./probe_frames.js";
import { COLOUR, VIDEO } from "../protocol/operations.js";
import { Stream } from "./video.js";

/** Of a colour: codecs round it, a wrong matrix is off by 39. */
const TOLERANCE = 14;
/** Nobody waits for it, and a page that has just been opened is busy. */
const PATIENCE_MS = 5000;

/**
 * Which of these codecs, bits as in CAPABILITIES, show the right pictures here, each as soon as it is given.
 * @param {number} wanted
 */
export async function probe(wanted) {
  let found = 0;
  // Insecure pages, and some browsers, have none.
  if (!("VideoDecoder" in globalThis)) return found;
  for (const [name, bit] of Object.entries(VIDEO)) if (wanted & bit && (await decodes(PROBE_FRAMES[name]))) found |= bit;
  return found;
}

/** @param {{codec: string, pictures: string[]}} frames */
async function decodes({ codec, pictures }) {
  const box = { x: 0, y: 0, width: SIDE, height: SIDE, codedWidth: SIDE, codedHeight: SIDE };
  const config = { kind: 6, operation: /** @type {const} */ ("VIDEO_CONFIG"), stream: 0, colour: COLOUR.BT601, codec, ...box };
  const stream = new Stream(config, () => {}, PATIENCE_MS);
  try {
    for (const [number, picture] of pictures.entries()) {
      const data = Uint8Array.from(atob(picture), (character) => character.charCodeAt(0));
      const pixels = new Uint8ClampedArray(SIDE * SIDE * 4);
      // The second is given when the first is there: a decoder that keeps one back never gets so far.
      const written = await stream.decode(data, number === 0, box, () => pixels);
      if (written === null || !isPicture(written === "RGBA" ? pixels : converted(pixels, written), number)) return false;
    }
    return true;
  } finally {
    stream.close();
  }
}

/**
 * @param {Uint8ClampedArray} bytes
 * @param {import("./planes.js").Planes} planes
 */
function converted(bytes, planes) {
  const pixels = new Uint8ClampedArray(SIDE * SIDE * 4);
  eachBand(planes, bytes, SIDE, (rgba, top) => pixels.set(rgba, top * SIDE * 4));
  return pixels;
}

/**
 * @param {Uint8ClampedArray} pixels
 * @param {number} turned by how many quarters
 */
function isPicture(pixels, turned) {
  const quarter = SIDE / 2;
  return COLOURS.every((_, place) => {
    const x = (place % 2) * quarter + quarter / 2;
    const y = Math.floor(place / 2) * quarter + quarter / 2;
    const expected = [...COLOURS[(place + COLOURS.length - turned) % COLOURS.length], 255];
    const at = (y * SIDE + x) * 4;
    return expected.every((level, channel) => Math.abs(pixels[at + channel] - level) <= TOLERANCE);
  });
}
