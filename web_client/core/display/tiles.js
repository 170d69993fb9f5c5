/**
 * Turns the operations of a FRAME into a picture that a canvas takes as it is: one buffer for all that has pixels,
 * which are RGBA but for those of streams (planes.js).
 *
 * Runs in the page and in its worker; knows neither canvas nor socket. Pictures of streams and photographs come later than
 * the call: they need `media`, which only the worker has.
 */

import { SpareBuffers } from "./buffers.js";
import { sizeOfJpeg } from "./jpeg.js";
import { ProtocolError } from "../protocol/wire.js";

/** @typedef {import("../protocol/messages.js").Frame} Frame */
/** @typedef {import("../protocol/messages.js").SmallFrame} SmallFrame */
/** @typedef {import("../protocol/operations.js").Operation} Operation */
/** @typedef {{x: number, y: number, width: number, height: number}} Box */
/**
 * Lies at `offset` bytes in the frame's pixels, as RGBA unless it says how its planes lie there; a `slot` keeps it.
 * @typedef {Box & {offset: number, slot?: number, planes?: import("./planes.js").Planes}} Tile
 */
/** @typedef {Box & {colour: string}} Fill */
/** @typedef {Box & {fromX: number, fromY: number}} Move */
/** What a slot keeps: only the page knows how large that is. @typedef {{x: number, y: number, slot: number}} Cached */
/** @typedef {Tile | Fill | Move | Cached} Part */
/**
 * @typedef {{message: "PICTURE", sequence: number, lastInput: number, parts: Part[], pixels: ArrayBuffer,
 *   incomplete: boolean}} Picture `incomplete`: something was left out that the worker has to send again
 */
/** @typedef {{decompress: (data: Uint8Array, length: number) => Uint8Array}} Decompressor */
/**
 * @typedef {object} Media decoders that take their time
 * @property {(data: Uint8Array, width: number, height: number) => Promise<Uint8ClampedArray>} jpeg RGBA; rejects
 * @property {import("./video.js").Streams} streams
 */
/**
 * @typedef {object} Tools
 * @property {Decompressor} zstd
 * @property {SpareBuffers} [buffers]
 * @property {Media} [media]
 * @property {Promise<void>[]} [later] gets what the picture has to wait for
 */

const OPAQUE = 0xff000000;
/** Of a stream's pictures beyond the display: more than any codec's blocks. */
const MOST_PADDING = 128;
/** However small the display is: enough for each stream's padding. */
const LEAST_STREAM_PIXELS = 1 << 20;
/** Bit k: kind k is drawn, and the bit of SMALL_FRAME. */
export const DRAWN = 0b1_1111_1111_1110 + 2 ** 31;

/** Whether a page must give the operation to its worker. @param {Operation} operation */
export function needsMedia({ operation }) {
  return operation === "TILE_JPEG" || operation === "VIDEO" || operation === "VIDEO_CONFIG" || operation === "VIDEO_END";
}

/**
 * @param {Frame | SmallFrame} frame
 * @param {{width: number, height: number}} display
 * @param {Tools} tools
 * @returns {Picture} whole once all of `tools.later` is done
 */
export function paint(frame, display, tools) {
  check(frame.operations, display);
  const painting = new Painting(display, tools);
  for (const operation of frame.operations) painting.add(operation);
  painting.fill();
  const { parts, pixels, incomplete } = painting;
  return {
    message: "PICTURE", sequence: frame.sequence, lastInput: frame.lastInput, parts, pixels: pixels.buffer, incomplete,
  };
}

/** Pixels that are decoded for an operation; those of a stream are known to nobody but the stream. @param {Operation} operation */
export function pixelsOf(operation) {
  switch (operation.operation) {
    case "TILE_ZSTD":
    case "TILE_COLUMNS":
    case "TILE_GREY":
    case "TILE_PALETTE":
    case "CACHE_PUT":
    case "TILE_JPEG":
      return operation.width * operation.height;
    default:
      return 0;
  }
}

/**
 * Before anything is decoded.
 * @param {Operation[]} operations
 * @param {{width: number, height: number}} display
 */
function check(operations, display) {
  for (const operation of operations) {
    if (!("width" in operation)) continue;
    checkBox(operation, display);
    if (operation.operation === "MOVE") checkBox({ ...operation, x: operation.fromX, y: operation.fromY }, display);
    else if (operation.operation === "TILE_JPEG") checkPhotograph(operation);
    else if (operation.operation === "VIDEO_CONFIG") checkPadding(operation, display);
  }
}

/** @param {Box & {data: Uint8Array}} tile */
function checkPhotograph({ width, height, data }) {
  const size = sizeOfJpeg(data);
  if (size?.width !== width || size.height !== height)
    throw new ProtocolError("a photograph is damaged or not of its tile's size");
}

/**
 * @param {import("../protocol/operations.js").VideoConfig} config
 * @param {{width: number, height: number}} display
 */
function checkPadding({ codedWidth, codedHeight }, { width, height }) {
  if (codedWidth > width + MOST_PADDING || codedHeight > height + MOST_PADDING)
    throw new ProtocolError("a stream's pictures are far larger than the display");
}

/**
 * @param {Box} box
 * @param {{width: number, height: number}} display
 */
function checkBox(box, display) {
  if (!isWithin(box, display)) throw new ProtocolError("a box reaches beyond the display");
}

/** One frame while it becomes a picture: first every part and its place in the pixels, then the pixels. */
class Painting {
  #display;
  #tools;
  /** What writes each part's pixels, once there is memory for them. @type {(() => void)[]} */
  #fills = [];
  #area = 0;
  #most;
  #isFilled = false;
  pixels = new Uint32Array(0);
  /** @type {Part[]} */
  parts = [];
  incomplete = false;

  /**
   * @param {{width: number, height: number}} display
   * @param {Tools} tools
   */
  constructor(display, tools) {
    this.#display = display;
    this.#tools = tools;
    // A worker that sends a pixel more than four times in one frame is broken, or wants this page's memory.
    this.#most = 4 * display.width * display.height;
  }

  /** @param {Operation} operation */
  add(operation) {
    switch (operation.operation) {
      case "FILL": {
        const { x, y, width, height, red, green, blue } = operation;
        return void this.parts.push({ x, y, width, height, colour: `rgb(${red} ${green} ${blue})` });
      }
      case "MOVE": {
        const { x, y, width, height, fromX, fromY } = operation;
        return void this.parts.push({ x, y, width, height, fromX, fromY });
      }
      case "CACHE_DRAW":
        return void this.parts.push({ x: operation.x, y: operation.y, slot: operation.slot });
      case "CACHE_PUT":
        return this.#addTile(operation, expandRgb).slot = operation.slot;
      case "TILE_ZSTD":
        return void this.#addTile(operation, expandRgb);
      case "TILE_COLUMNS":
        return void this.#addTile(operation, (rgb, rgba, at) => expandColumns(rgb, rgba, at, operation));
      case "TILE_GREY":
        return void this.#addTile(operation, (greys, rgba, at) => expandGrey(greys, rgba, at, operation), areaOf(operation));
      case "TILE_PALETTE":
        return void this.#addTile(operation, (bytes, rgba, at) => expandIndexes(bytes, rgba, at, operation), indexedBytes(operation));
      case "TILE_JPEG":
        return this.#addPhotograph(operation);
      case "VIDEO_CONFIG":
        return this.#media.streams.configure(operation, Math.max(this.#most, LEAST_STREAM_PIXELS));
      case "VIDEO":
        return this.#addVideo(operation);
      case "VIDEO_END":
        return this.#media.streams.end(operation.stream);
      default:
        this.incomplete = true;
    }
  }

  fill() {
    this.pixels = (this.#tools.buffers ?? new SpareBuffers()).take(this.#area);
    for (const fill of this.#fills) fill();
    this.#isFilled = true;
  }

  /**
   * @param {number} offset
   * @param {number} area
   */
  #bytes(offset, area) {
    return new Uint8ClampedArray(this.pixels.buffer, offset, area * 4);
  }

  /**
   * @param {Box & {data: Uint8Array}} tile
   * @param {(bytes: Uint8Array, rgba: Uint32Array, at: number, count: number) => void} expand
   * @param {number} [length] that the tile decompresses to
   */
  #addTile({ data, ...box }, expand, length = 3 * areaOf(box)) {
    const { part, at, area } = this.#place(box);
    this.#fills.push(() => expand(decompressed(this.#tools.zstd, data, length), this.pixels, at, area));
    return part;
  }

  /** @param {Box & {data: Uint8Array}} tile */
  #addPhotograph({ data, ...box }) {
    const { part, area } = this.#place(box);
    const { jpeg } = this.#media;
    this.#fills.push(() => this.#wait(async () => {
      const rgba = await jpeg(data, box.width, box.height);
      this.#bytes(part.offset, area).set(rgba);
    }));
  }

  /** @param {import("../protocol/operations.js").Video} video */
  #addVideo({ stream: number, isKey, data }) {
    const stream = this.#media.streams.get(number);
    if (!stream || !isWithin(stream.box, this.#display) || !stream.takes(isKey)) {
      // A stream that failed has told so: what comes instead is under way.
      this.incomplete ||= !stream?.hasFailed;
      return;
    }
    const { part, area } = this.#place(stream.box);
    // At once: the stream may be ended by what follows. There is no memory for the picture if that is refused.
    const decoded = stream.decode(data, isKey, part, () => this.#isFilled ? this.#bytes(part.offset, area) : null);
    this.#wait(async () => {
      const written = await decoded;
      if (written === null) this.parts.splice(this.parts.indexOf(part), 1);
      else if (written !== "RGBA") part.planes = written;
    });
  }

  /** @param {Box} box */
  #place({ x, y, width, height }) {
    const at = this.#area;
    const area = areaOf({ width, height });
    this.#area += area;
    if (this.#area > this.#most) throw new ProtocolError("a frame holds too many pixels");
    /** @type {Tile} */
    const part = { x, y, width, height, offset: at * 4 };
    this.parts.push(part);
    return { part, at, area };
  }

  get #media() {
    if (!this.#tools.media) throw new Error("this thread has no decoders of media");
    return this.#tools.media;
  }

  /** @param {() => Promise<void>} work */
  #wait(work) {
    const done = work();
    // If the frame is refused nobody waits for it.
    done.catch(() => {});
    this.#tools.later?.push(done);
  }
}

/** @param {{width: number, height: number}} box */
function areaOf({ width, height }) {
  return width * height;
}

/**
 * @param {Box} box
 * @param {{width: number, height: number}} display
 */
function isWithin({ x, y, width, height }, display) {
  return x + width <= display.width && y + height <= display.height;
}

/**
 * @param {Decompressor} zstd
 * @param {Uint8Array} data
 * @param {number} length
 */
function decompressed(zstd, data, length) {
  try {
    return zstd.decompress(data, length);
  } catch (cause) {
    throw new ProtocolError("a tile is damaged", { cause });
  }
}

/**
 * RGB to opaque RGBA, four pixels (three words) a step: 2.4 times faster than byte by byte. Browsers run on
 * little-endian machines only.
 * @param {Uint8Array} rgb at an address divisible by 4
 * @param {Uint32Array} rgba
 * @param {number} at first pixel written
 * @param {number} count of pixels
 */
export function expandRgb(rgb, rgba, at, count) {
  const steps = count >> 2;
  const words = new Uint32Array(rgb.buffer, rgb.byteOffset, steps * 3);
  let to = at;
  for (let from = 0; from < words.length; from += 3) {
    const first = words[from];
    const second = words[from + 1];
    const third = words[from + 2];
    rgba[to] = first | OPAQUE;
    rgba[to + 1] = (first >>> 24) | (second << 8) | OPAQUE;
    rgba[to + 2] = (second >>> 16) | (third << 16) | OPAQUE;
    rgba[to + 3] = (third >>> 8) | OPAQUE;
    to += 4;
  }
  for (let from = steps * 12; to < at + count; from += 3, to++)
    rgba[to] = rgb[from] | (rgb[from + 1] << 8) | (rgb[from + 2] << 16) | OPAQUE;
}

/**
 * Strips of rows, each column by column, to rows of opaque RGBA.
 * @param {Uint8Array} rgb
 * @param {Uint32Array} rgba
 * @param {number} at first pixel written
 * @param {{width: number, height: number, first: number, rows: number}} strips
 */
export function expandColumns(rgb, rgba, at, { width, height, first, rows }) {
  let from = 0;
  for (let top = 0, count = Math.min(first, height); top < height; top += count, count = Math.min(rows, height - top))
    for (let x = 0; x < width; x++) {
      let to = at + top * width + x;
      for (let y = 0; y < count; y++, from += 3, to += width)
        rgba[to] = rgb[from] | (rgb[from + 1] << 8) | (rgb[from + 2] << 16) | OPAQUE;
    }
}

/** A grey of eight bits to all three colours. */
const GREY = 0x010101;

/**
 * The same with one byte a pixel. Strips of one row are rows.
 * @param {Uint8Array} greys
 * @param {Uint32Array} rgba
 * @param {number} at first pixel written
 * @param {{width: number, height: number, first: number, rows: number}} strips
 */
export function expandGrey(greys, rgba, at, { width, height, first, rows }) {
  let from = 0;
  for (let top = 0, count = Math.min(first, height); top < height; top += count, count = Math.min(rows, height - top))
    for (let x = 0; x < width; x++) {
      let to = at + top * width + x;
      for (let y = 0; y < count; y++, to += width) rgba[to] = (greys[from++] * GREY) | OPAQUE;
    }
}

/** @typedef {{width: number, height: number, first: number, rows: number, depth: number, palettes: number}} Indexed */

/** How many bytes a tile's palettes, the numbers of its strips' palettes, and its indexes take. @param {Indexed} tile */
export function indexedBytes({ width, height, first, rows, depth, palettes }) {
  let strips = 0;
  let bytes = 0;
  for (let top = 0, count = Math.min(first, height); top < height; top += count, count = Math.min(rows, height - top)) {
    strips++;
    bytes += Math.ceil((count * depth) / 8);
  }
  return ((3 * palettes) << depth) + (palettes > 1 ? strips : 0) + width * bytes;
}

/**
 * Palettes of RGB, which palette each strip has, then the strips: each column begins with a byte of its own, whose lowest bits are
 * its topmost pixel. An index cannot be beyond its palette; the number of a palette can.
 * @param {Uint8Array} bytes
 * @param {Uint32Array} rgba
 * @param {number} at first pixel written
 * @param {Indexed} tile
 */
export function expandIndexes(bytes, rgba, at, { width, height, first, rows, depth, palettes }) {
  const colours = new Uint32Array(palettes << depth);
  expandRgb(bytes, colours, 0, colours.length);
  const last = (1 << depth) - 1;
  let number = 3 * colours.length;
  let from = number + (palettes > 1 ? Math.max(1, 1 + Math.ceil((height - first) / rows)) : 0);
  for (let top = 0, count = Math.min(first, height); top < height; top += count, count = Math.min(rows, height - top)) {
    const palette = palettes > 1 ? bytes[number++] : 0;
    if (palette >= palettes) throw new ProtocolError("a strip of no palette");
    const start = palette << depth;
    for (let x = 0; x < width; x++) {
      let to = at + top * width + x;
      for (const end = to + count * width; to < end; ) {
        let indexes = bytes[from++];
        for (let bits = 0; bits < 8 && to < end; bits += depth, to += width) {
          rgba[to] = colours[start + (indexes & last)];
          indexes >>= depth;
        }
      }
    }
  }
}
