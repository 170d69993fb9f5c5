/**
 * The operations of a FRAME (docs/protocol.md 1.2) as a table of fields, and the two directions over it.
 *
 * An operation is a plain object whose `operation` is its name in the document; null for a kind of a later version.
 */

import { counted, smallData, varint } from "./small_frames.js";
import { ProtocolError, flag, readFields, readRow, remainder, text, unsigned, writeFields } from "./wire.js";

/** @template [T=any] @typedef {import("./wire.js").Codec<T>} Codec */
/** @typedef {import("./wire.js").Reader} Reader */
/** @typedef {import("./wire.js").Writer} Writer */

/** @typedef {{x: number, y: number, width: number, height: number}} Box */
/** @typedef {Box & {kind: number, operation: "TILE_ZSTD" | "TILE_JPEG", data: Uint8Array}} Tile */
/** @typedef {Box & {kind: number, operation: "FILL", red: number, green: number, blue: number}} Fill */
/** @typedef {Box & {kind: number, operation: "MOVE", fromX: number, fromY: number}} Move */
/** @typedef {Box & {kind: number, operation: "CACHE_PUT", slot: number, data: Uint8Array}} CachePut */
/** @typedef {{kind: number, operation: "CACHE_DRAW", x: number, y: number, slot: number}} CacheDraw */
/**
 * @typedef {Box & {kind: number, operation: "VIDEO_CONFIG", stream: number, colour: number, codedWidth: number,
 *   codedHeight: number, codec: string}} VideoConfig
 */
/** @typedef {{kind: number, operation: "VIDEO", stream: number, isKey: boolean, data: Uint8Array}} Video */
/** @typedef {{kind: number, operation: "VIDEO_END", stream: number}} VideoEnd */
/**
 * @typedef {Box & {kind: number, operation: "TILE_COLUMNS" | "TILE_GREY", first: number, rows: number, data: Uint8Array}} TileStrips
 */
/**
 * @typedef {Box & {kind: number, operation: "TILE_PALETTE", first: number, rows: number, depth: number, palettes: number,
 *   data: Uint8Array}} TilePalette
 */
/** @typedef {{kind: number, operation: null, body: Uint8Array}} UnknownOperation */
/**
 * @typedef {Tile | Fill | Move | CachePut | CacheDraw | VideoConfig | Video | VideoEnd | TileStrips | TilePalette
 *   | UnknownOperation} Operation
 */

export const CACHE_SLOTS = 4096;
/** Of one tile. */
export const MAXIMUM_CACHED_PIXELS = 16384;
/** Of all slots. */
export const CACHE_PIXELS = 8 << 20;
export const STREAMS = 16;
/** Of one tile. */
export const MOST_PALETTES = 16;
/** Bits of an index. */
const DEPTHS = [1, 2, 4, 8];

/** Bits of CAPABILITIES' `video`. */
export const VIDEO = { H264: 1, H264_444: 2, VP8: 4, VP9: 8 };
/** VIDEO_CONFIG's `colour`; both of limited range. */
export const COLOUR = { BT601: 1, BT709: 2 };

const u8 = unsigned(1);
const u16 = unsigned(2);
const side = unsigned(2, 1);
const rows = unsigned(1, 1);
const slot = unsigned(2, 0, CACHE_SLOTS - 1);
const stream = unsigned(1, 0, STREAMS - 1);
const box = { x: u16, y: u16, width: side, height: side };
const byte = varint(0, 0xff);
const place = varint(0, 0xffff);
const smallSide = varint(1, 0xffff);
const smallSlot = varint(0, CACHE_SLOTS - 1);
const smallBox = { x: place, y: place, width: smallSide, height: smallSide };
const smallRows = { first: varint(1, 255), rows: varint(1, 255) };
const smallStrips = { ...smallBox, ...smallRows, data: smallData };

/** @typedef {{kind: number, fields: Record<string, Codec>, check?: (operation: any) => void}} Row */

/** @type {Record<string, Row>} */
const OPERATIONS = {
  TILE_ZSTD: { kind: 0x01, fields: { ...box, data: remainder } },
  FILL: { kind: 0x02, fields: { ...box, red: u8, green: u8, blue: u8 } },
  MOVE: { kind: 0x03, fields: { ...box, fromX: u16, fromY: u16 } },
  CACHE_PUT: { kind: 0x04, fields: { ...box, slot, data: remainder }, check: fitsSlot },
  CACHE_DRAW: { kind: 0x05, fields: { x: u16, y: u16, slot } },
  VIDEO_CONFIG: {
    kind: 0x06,
    fields: {
      stream, colour: unsigned(1, COLOUR.BT601, COLOUR.BT709), ...box, codedWidth: side, codedHeight: side,
      codec: text(1, 32),
    },
    check: fitsPicture,
  },
  VIDEO: { kind: 0x07, fields: { stream, isKey: flag, data: remainder } },
  VIDEO_END: { kind: 0x08, fields: { stream } },
  TILE_JPEG: { kind: 0x09, fields: { ...box, data: remainder } },
  TILE_COLUMNS: { kind: 0x0a, fields: { ...box, first: rows, rows, data: remainder } },
  TILE_GREY: { kind: 0x0b, fields: { ...box, first: rows, rows, data: remainder } },
  TILE_PALETTE: {
    kind: 0x0c,
    fields: { ...box, first: rows, rows, depth: unsigned(1, 1, 8), palettes: unsigned(1, 1, MOST_PALETTES), data: remainder },
    check: fitsBytes,
  },
};

const NAME_OF_KIND = new Map(Object.entries(OPERATIONS).map(([operation, { kind }]) => [kind, operation]));
/** @param {string} operation */
export const kindOf = (operation) => OPERATIONS[operation].kind;

/** @type {Codec<Operation[]>} */
export const operations = {
  read: (reader) => Array.from({ length: reader.integer(2) }, () => readOperation(reader)),
  write: (writer, list) => {
    writer.integer(2, list.length);
    for (const operation of list) writeOperation(writer, operation);
  },
};

/** In a SMALL_FRAME. @type {Record<string, Row>} */
const SMALL = {
  TILE_ZSTD: { kind: 0x01, fields: { ...smallBox, data: smallData } },
  FILL: { kind: 0x02, fields: { ...smallBox, red: byte, green: byte, blue: byte } },
  MOVE: { kind: 0x03, fields: { ...smallBox, fromX: place, fromY: place } },
  CACHE_PUT: { kind: 0x04, fields: { ...smallBox, slot: smallSlot, data: smallData }, check: fitsSlot },
  CACHE_DRAW: { kind: 0x05, fields: { x: place, y: place, slot: smallSlot } },
  TILE_COLUMNS: { kind: 0x0a, fields: smallStrips },
  TILE_GREY: { kind: 0x0b, fields: smallStrips },
  TILE_PALETTE: {
    kind: 0x0c,
    fields: { ...smallBox, ...smallRows, depth: varint(1, 8), palettes: varint(1, MOST_PALETTES), data: smallData },
    check: fitsBytes,
  },
};

/** @type {Codec<Operation[]>} */
export const smallOperations = counted({
  read: (reader) => {
    const kind = reader.integer(1);
    const operation = NAME_OF_KIND.get(kind);
    if (operation === undefined || !(operation in SMALL))
      throw new ProtocolError(`an operation of kind ${kind} in a small frame`);
    const { fields, check } = SMALL[operation];
    const read = /** @type {Operation} */ ({ kind, operation, ...readRow(fields, reader) });
    check?.(read);
    return read;
  },
  write: (writer, operation) => {
    const { kind, fields } = SMALL[operation.operation ?? ""] ?? {};
    if (kind === undefined) throw new ProtocolError(`an operation of kind ${operation.kind} in a small frame`);
    writer.integer(1, kind);
    writer.bytes(writeFields(fields, operation));
  },
});

/** @param {Reader} reader */
function readOperation(reader) {
  const { kind, body } = reader.framed();
  const operation = NAME_OF_KIND.get(kind);
  if (operation === undefined) return { kind, operation: null, body };
  const { fields, check } = OPERATIONS[operation];
  const read = /** @type {Operation} */ ({ kind, operation, ...readFields(fields, body) });
  check?.(read);
  return read;
}

/**
 * @param {Writer} writer
 * @param {Operation} operation
 */
function writeOperation(writer, operation) {
  if (operation.operation === null) writer.framed(operation.kind, operation.body);
  else writer.framed(operation.kind, writeFields(OPERATIONS[operation.operation].fields, operation));
}

/** @param {Box} tile */
function fitsSlot({ width, height }) {
  if (width * height > MAXIMUM_CACHED_PIXELS) throw new ProtocolError("a tile too large for the cache");
}

/** @param {TilePalette} tile */
function fitsBytes({ depth }) {
  if (!DEPTHS.includes(depth)) throw new ProtocolError(`indexes of ${depth} bits`);
}

/** @param {VideoConfig} config */
function fitsPicture({ width, height, codedWidth, codedHeight }) {
  if (width > codedWidth || height > codedHeight) throw new ProtocolError("a stream's box is larger than its pictures");
}
