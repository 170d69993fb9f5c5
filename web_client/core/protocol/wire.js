/**
 * Framing of the wire (docs/protocol.md 1) and the codecs that message bodies are made of. Knows no message.
 *
 * Whatever is wrong with a peer's bytes, and every value that does not fit its field, throws ProtocolError.
 */

export const MAXIMUM_TO_CLIENT_BYTES = 32 << 20;
export const MAXIMUM_BODY_BYTES = 64 << 10;
/** In one WebSocket message: bounds the work that one receipt causes. */
export const MAXIMUM_MESSAGES = 1024;
export const HEADER_BYTES = 8;

export class ProtocolError extends Error {
  code = "protocol_error";
}

// ignoreBOM: a leading U+FEFF is text like any other, and Python's decoder keeps it.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Takes fields from the front of bytes. */
export class Reader {
  #bytes;
  #view;
  #position = 0;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining() {
    return this.#bytes.length - this.#position;
  }

  /**
   * A view, not a copy.
   * @param {number} length
   */
  take(length) {
    if (length > this.remaining) throw new ProtocolError("a length reaches beyond its message");
    this.#position += length;
    return this.#bytes.subarray(this.#position - length, this.#position);
  }

  /**
   * @param {1 | 2 | 4} size
   * @param {boolean} [signed]
   */
  integer(size, signed = false) {
    const at = this.#position;
    this.take(size);
    if (size === 1) return this.#view.getUint8(at);
    if (size === 4) return this.#view.getUint32(at, true);
    return signed ? this.#view.getInt16(at, true) : this.#view.getUint16(at, true);
  }

  /** The head and body of a message or, being the same, of an operation in a FRAME. */
  framed() {
    const kind = this.integer(1);
    this.take(3);
    return { kind, body: this.take(this.integer(4)) };
  }
}

/** Appends fields to bytes that grow. */
export class Writer {
  #bytes = new Uint8Array(64);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** @param {number} more */
  #reserve(more) {
    const at = this.#length;
    this.#length += more;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }

  /**
   * @param {1 | 2 | 4} size
   * @param {number} value
   */
  integer(size, value) {
    const at = this.#reserve(size);
    if (size === 1) this.#view.setUint8(at, value);
    else if (size === 2) this.#view.setUint16(at, value & 0xffff, true);
    else this.#view.setUint32(at, value, true);
  }

  /** @param {Uint8Array} bytes */
  bytes(bytes) {
    // The place first: reserving may move the bytes.
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /**
   * @param {number} kind
   * @param {Uint8Array} body
   */
  framed(kind, body) {
    this.integer(4, kind);
    this.integer(4, body.length);
    this.bytes(body);
  }

  finish() {
    return this.#bytes.slice(0, this.#length);
  }
}

/**
 * One field. `earlier` holds the fields read before it, for a length that depends on them.
 * @template [T=any]
 * @typedef {{read: (reader: Reader, earlier: Record<string, any>) => T, write: (writer: Writer, value: T) => void}} Codec
 */

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

/**
 * An unsigned little-endian integer.
 * @param {1 | 2 | 4} size
 * @param {number} [lowest]
 * @param {number} [highest]
 * @returns {Codec<number>}
 */
export function unsigned(size, lowest = 0, highest = 2 ** (8 * size) - 1) {
  return {
    read: (reader) => within(reader.integer(size), lowest, highest),
    write: (writer, value) => writer.integer(size, within(value, lowest, highest)),
  };
}

/** @type {Codec<number>} */
export const signed16 = {
  read: (reader) => reader.integer(2, true),
  write: (writer, value) => writer.integer(2, within(value, -32768, 32767)),
};

/**
 * Microseconds fit a double for 285 years; a larger value loses its lowest bits, which nobody compares.
 * @type {Codec<number>}
 */
export const unsigned64 = {
  read: (reader) => reader.integer(4) + reader.integer(4) * 2 ** 32,
  write: (writer, value) => {
    writer.integer(4, value % 2 ** 32);
    writer.integer(4, Math.floor(value / 2 ** 32));
  },
};

/** @type {Codec<boolean>} */
export const flag = {
  read: (reader) => within(reader.integer(1), 0, 1) === 1,
  write: (writer, value) => writer.integer(1, value ? 1 : 0),
};

/**
 * A length of `size` bytes, then at most `maximum` bytes of UTF-8.
 * @param {1 | 2 | 4} size
 * @param {number} maximum
 * @returns {Codec<string>}
 */
export function text(size, maximum) {
  return {
    read: (reader) => {
      const bytes = reader.take(within(reader.integer(size), 0, maximum));
      try {
        return decoder.decode(bytes);
      } catch (cause) {
        throw new ProtocolError("a string is not UTF-8", { cause });
      }
    },
    write: (writer, value) => {
      const bytes = encoder.encode(value);
      writer.integer(size, within(bytes.length, 0, maximum));
      writer.bytes(bytes);
    },
  };
}

/**
 * @param {(earlier: Record<string, any>) => number} lengthOf
 * @returns {Codec<Uint8Array>}
 */
export function bytes(lengthOf) {
  return {
    read: (reader, earlier) => reader.take(lengthOf(earlier)),
    write: (writer, value) => writer.bytes(value),
  };
}

/**
 * All that is left of the body, at least one byte.
 * @type {Codec<Uint8Array>}
 */
export const remainder = {
  read: (reader) => {
    if (reader.remaining === 0) throw new ProtocolError("a body without its data");
    return reader.take(reader.remaining);
  },
  write: (writer, value) => writer.bytes(value),
};

/**
 * A count in one byte, then as many rows of fields.
 * @param {Record<string, Codec>} fields
 * @param {number} lowest
 * @param {number} highest
 * @returns {Codec<Record<string, any>[]>}
 */
export function repeated(fields, lowest, highest) {
  return {
    read: (reader) =>
      Array.from({ length: within(reader.integer(1), lowest, highest) }, () => readRow(fields, reader)),
    write: (writer, rows) => {
      writer.integer(1, within(rows.length, lowest, highest));
      for (const row of rows) writer.bytes(writeFields(fields, row));
    },
  };
}

/**
 * The fields of a body; bytes behind them are a later version's.
 * @param {Record<string, Codec>} fields
 * @param {Uint8Array} body
 */
export function readFields(fields, body) {
  return readRow(fields, new Reader(body));
}

/**
 * @param {Record<string, Codec>} fields
 * @param {Record<string, any>} values
 */
export function writeFields(fields, values) {
  const writer = new Writer();
  for (const field in fields) fields[field].write(writer, values[field]);
  return writer.finish();
}

/**
 * @param {Record<string, Codec>} fields
 * @param {Reader} reader
 */
export function readRow(fields, reader) {
  /** @type {Record<string, any>} */
  const values = {};
  for (const field in fields) values[field] = fields[field].read(reader, values);
  return values;
}
