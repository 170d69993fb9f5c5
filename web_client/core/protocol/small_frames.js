/**
 * SMALL_FRAME (docs/protocol.md 1.2): a FRAME of few operations in few bytes, as the echo of a key is.
 *
 * Integers are varints: seven bits a byte, the lowest first, the eighth bit set in all but the last.
 */

import { ProtocolError } from "./wire.js";

/** @template [T=any] @typedef {import("./wire.js").Codec<T>} Codec */
/** @typedef {import("./wire.js").Reader} Reader */
/** @typedef {import("./wire.js").Writer} Writer */

const MAXIMUM_OPERATIONS = 127;
const VARINT_BYTES = 5;

/**
 * @param {number} [lowest]
 * @param {number} [highest]
 * @returns {Codec<number>}
 */
export function varint(lowest = 0, highest = 2 ** 32 - 1) {
  return {
    read: (reader) => within(readVarint(reader), lowest, highest),
    write: (writer, value) => writeVarint(writer, within(value, lowest, highest)),
  };
}

/** @type {Codec<Uint8Array>} */
export const smallData = {
  read: (reader) => reader.take(length.read(reader, {})),
  write: (writer, value) => {
    length.write(writer, value.length);
    writer.bytes(value);
  },
};

const length = varint(1);
const count = varint(0, MAXIMUM_OPERATIONS);

/**
 * How many operations, then each as `one` has it.
 * @template T
 * @param {Codec<T>} one
 * @returns {Codec<T[]>}
 */
export function counted(one) {
  return {
    read: (reader) => Array.from({ length: count.read(reader, {}) }, () => one.read(reader, {})),
    write: (writer, list) => {
      count.write(writer, list.length);
      for (const operation of list) one.write(writer, operation);
    },
  };
}

/** @param {Reader} reader */
function readVarint(reader) {
  let value = 0;
  for (let position = 0; position < VARINT_BYTES; position++) {
    const byte = reader.integer(1);
    // Not shifted: 32 bits would become negative, and 35 wrap.
    value += (byte & 0x7f) * 2 ** (7 * position);
    if (byte < 0x80) return value;
  }
  throw new ProtocolError("a varint of more than five bytes");
}

/**
 * @param {Writer} writer
 * @param {number} value
 */
function writeVarint(writer, value) {
  for (; value >= 0x80; value = Math.floor(value / 0x80)) writer.integer(1, (value % 0x80) | 0x80);
  writer.integer(1, value);
}

/**
 * @param {number} value
 * @param {number} lowest
 * @param {number} highest
 */
function within(value, lowest, highest) {
  if (!Number.isInteger(value) || value < lowest || value > highest)
    throw new ProtocolError(`${value} is not within ${lowest} and ${highest}`);
  return value;
}
