/**
 * Streams of video in parts of the display: each a decoder, whose pictures are written where a frame wants them, as they are
 * (planes.js) or as RGBA.
 *
 * Runs in the paint worker. Measured (1080p60 on 2 cores, no GPU): pictures that are put as tiles take a sixth to a quarter
 * of the page's thread; drawn there as VideoFrames they take more than half of it, and on a canvas of their own in the worker
 * no fewer, while moves could not see them.
 */

import { bytesOf, layoutOf, planesOf } from "./planes.js";
import { COLOUR, VIDEO } from "../protocol/operations.js";
import { ProtocolError } from "../protocol/wire.js";

/** @typedef {import("../protocol/operations.js").VideoConfig} Config */
/** @typedef {{x: number, y: number, width: number, height: number}} Box */
/** @typedef {{width: number, height: number}} Size */
/** Memory for a picture's pixels; null if nobody wants them any more. @typedef {() => Uint8ClampedArray | null} Target */
/** How a picture was written. @typedef {import("./planes.js").Planes | "RGBA"} Written */
/** @typedef {Size & {timestamp: number, target: Target, resolve: (written: Written | null) => void}} Awaited */

const PATIENCE_MS = 1000;
/** Firefox takes a decoder without durations for one that is too slow (its bug 1906761). */
const DURATION_US = 16_667;

/** Without `colorSpace` the browser guesses by size, up to 39 levels wrong. @type {Record<number, VideoColorSpaceInit>} */
const COLOUR_SPACES = {
  [COLOUR.BT601]: { primaries: "smpte170m", transfer: "smpte170m", matrix: "smpte170m", fullRange: false },
  [COLOUR.BT709]: { primaries: "bt709", transfer: "bt709", matrix: "bt709", fullRange: false },
};

/** The bit of CAPABILITIES that a codec belongs to; 0 if to none. @param {string} codec */
export function bitOf(codec) {
  if (codec.startsWith("avc1.f4") || codec.startsWith("avc1.F4")) return VIDEO.H264_444;
  if (codec.startsWith("avc1.")) return VIDEO.H264;
  if (codec === "vp8") return VIDEO.VP8;
  return codec.startsWith("vp09.00.") ? VIDEO.VP9 : 0;
}

export class Streams {
  /** @type {Map<number, Stream>} */
  #streams = new Map();
  #failed;

  /** @param {(bit: number, reason: unknown) => void} failed a decoder is of no use: of which codec */
  constructor(failed) {
    this.#failed = failed;
  }

  /**
   * @param {Config} config
   * @param {number} most pixels that all streams' pictures may have
   */
  configure(config, most) {
    if (bitOf(config.codec) === 0) throw new ProtocolError("a codec that nobody offered");
    const stream = this.#streams.get(config.stream);
    if (stream?.goesOn(config)) return stream.moveTo(config);
    this.end(config.stream);
    let pixels = config.codedWidth * config.codedHeight;
    for (const each of this.#streams.values()) pixels += each.codedPixels;
    if (pixels > most) throw new ProtocolError("streams of too many pixels");
    this.#streams.set(config.stream, new Stream(config, this.#failed));
  }

  /** @param {number} number */
  get(number) {
    return this.#streams.get(number);
  }

  /** @param {number} number */
  end(number) {
    // Pictures that were given to it before are still awaited.
    this.#streams.get(number)?.finish();
    this.#streams.delete(number);
  }

  close() {
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }
}

export class Stream {
  #config;
  #failed;
  /** @type {VideoDecoder | null} */
  #decoder = null;
  /** What was given to the decoder, in order. @type {Awaited[]} */
  #awaited = [];
  #needsKey = true;
  #isEnding = false;
  #given = 0;
  #timer = 0;
  #timerEndsAt = 0;
  #patienceMs;
  hasFailed = false;

  /**
   * @param {Config} config
   * @param {(bit: number, reason: unknown) => void} failed
   * @param {number} [patienceMs] between two pictures, while there is something to do
   */
  constructor(config, failed, patienceMs = PATIENCE_MS) {
    this.#config = config;
    this.#failed = failed;
    this.#patienceMs = patienceMs;
    try {
      this.#decoder = new VideoDecoder({
        output: (frame) => this.#shown(frame),
        error: (error) => this.#fail(error),
      });
      this.#decoder.configure({
        codec: config.codec,
        codedWidth: config.codedWidth,
        codedHeight: config.codedHeight,
        colorSpace: COLOUR_SPACES[config.colour],
        // Without it one picture is kept back, for ever where nothing moves.
        optimizeForLatency: true,
        // Its pictures are read: those of a graphics card would first have to come back from there.
        hardwareAcceleration: "prefer-software",
      });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @returns {Box} */
  get box() {
    return this.#config;
  }

  get codedPixels() {
    return this.#config.codedWidth * this.#config.codedHeight;
  }

  /** Whether the decoder can stay. @param {Config} config */
  goesOn({ codec, colour, codedWidth, codedHeight }) {
    const own = this.#config;
    return (
      !this.hasFailed && codec === own.codec && colour === own.colour && codedWidth === own.codedWidth &&
      codedHeight === own.codedHeight
    );
  }

  /** @param {Config} config */
  moveTo(config) {
    this.#config = config;
  }

  /** Whether it can do something with the next unit. @param {boolean} isKey */
  takes(isKey) {
    return !this.hasFailed && (isKey || !this.#needsKey);
  }

  /**
   * Writes the unit's picture and says how; null if there is none.
   * @param {Uint8Array} data
   * @param {boolean} isKey
   * @param {Size} size of what is wanted of the picture, from its upper left corner
   * @param {Target} target
   * @returns {Promise<Written | null>}
   */
  decode(data, isKey, { width, height }, target) {
    if (this.#decoder === null) return Promise.resolve(null);
    this.#needsKey = false;
    const timestamp = this.#given++ * DURATION_US;
    const written = new Promise((/** @type {(written: Written | null) => void} */ resolve) => {
      this.#awaited.push({ timestamp, width, height, target, resolve });
    });
    try {
      const type = isKey ? "key" : "delta";
      this.#decoder.decode(new EncodedVideoChunk({ type, timestamp, duration: DURATION_US, data }));
      if (this.#awaited.length === 1) this.#expect();
    } catch (error) {
      this.#fail(error);
    }
    return written;
  }

  /** Closes it when what it was given is drawn. */
  finish() {
    this.#isEnding = true;
    if (this.#awaited.length === 0) this.close();
  }

  close() {
    clearTimeout(this.#timer);
    if (this.#decoder !== null && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = null;
    for (const { resolve } of this.#awaited.splice(0)) resolve(null);
  }

  /** @param {VideoFrame} frame */
  async #shown(frame) {
    try {
      const place = this.#placeOf(frame.timestamp);
      if (place === null) return;
      try {
        place.resolve(await copyPicture(frame, this.#config.colour, place));
      } catch (error) {
        place.resolve(null);
        this.#fail(error);
      }
    } finally {
      frame.close();
      if (this.#isEnding && this.#awaited.length === 0) this.close();
    }
  }

  /** Units before it have no picture. @param {number} timestamp */
  #placeOf(timestamp) {
    while (this.#awaited.length > 0 && this.#awaited[0].timestamp <= timestamp) {
      const first = /** @type {Awaited} */ (this.#awaited.shift());
      if (this.#awaited.length > 0) this.#expect();
      else clearTimeout(this.#timer);
      if (first.timestamp === timestamp) return first;
      first.resolve(null);
    }
    return null;
  }

  #expect() {
    clearTimeout(this.#timer);
    this.#timerEndsAt = performance.now() + this.#patienceMs;
    this.#timer = setTimeout(() => this.#late(), this.#patienceMs);
  }

  #late() {
    // This worker stood still, and the decoder with it: a laptop that slept, a page that was frozen.
    if (performance.now() > this.#timerEndsAt + this.#patienceMs / 2) return this.#expect();
    this.#fail(new Error("no picture came"));
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.hasFailed) return;
    this.hasFailed = true;
    this.close();
    this.#failed(bitOf(this.#config.codec), error);
  }
}

/**
 * @param {VideoFrame} frame
 * @param {number} colour
 * @param {Awaited} place
 * @returns {Promise<Written | null>}
 */
async function copyPicture(frame, colour, { width, height, target }) {
  const pixels = /** @type {any} */ (target());
  if (pixels === null) return null;
  const visible = frame.visibleRect;
  if (visible === null || visible.width < width || visible.height < height) throw new RangeError("pictures are too small");
  const planes = planesOf(frame.format, colour, visible);
  // Of a narrow picture the planes, whose rows are filled up, may be larger than its pixels.
  if (planes !== null && bytesOf(planes) <= pixels.byteLength) {
    await frame.copyTo(pixels, { layout: layoutOf(planes) });
    return planes;
  }
  const rect = { x: visible.x, y: visible.y, width, height };
  const layout = [{ offset: 0, stride: width * 4 }];
  await frame.copyTo(pixels, /** @type {any} */ ({ format: "RGBA", rect, layout }));
  return "RGBA";
}
