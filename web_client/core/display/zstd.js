/**
 * Decompresses zstd frames with the WASM build of zstd that `web_client/fetch.py` puts beside this code.
 *
 * Source and destination areas in its memory are kept between calls and grow as needed: a stream of small tiles
 * allocates nothing.
 */

/**
 * @typedef {{memory: WebAssembly.Memory, malloc: (bytes: number) => number, free: (pointer: number) => void,
 *   ZSTD_decompress: (to: number, capacity: number, from: number, length: number) => number,
 *   ZSTD_isError: (result: number) => number}} Exports
 */

const WASM = new URL("../../vendor/zstddec.wasm", import.meta.url);

/** Kept for the next session: the gateway that served this page may be gone by then. @type {Promise<ArrayBuffer> | null} */
let loaded = null;

/** The decoder that is served beside this code. Rejects when it is missing. */
export async function loadDecoder() {
  loaded ??= load();
  try {
    return await ZstdDecoder.instantiate(await loaded);
  } catch (error) {
    loaded = null;
    throw error;
  }
}

async function load() {
  const response = await fetch(WASM);
  if (!response.ok) throw new Error(`${WASM.pathname}: ${response.status}`);
  return response.arrayBuffer();
}

export class ZstdDecoder {
  #exports;
  #source;
  #target;

  /** @param {Exports} exports */
  constructor(exports) {
    this.#exports = exports;
    this.#source = new Area(exports);
    this.#target = new Area(exports);
  }

  /** @param {BufferSource} wasm */
  static async instantiate(wasm) {
    // Memory growth needs no notice: views are made anew at each call.
    const imports = { env: { emscripten_notify_memory_growth: () => {} } };
    const { instance } = await WebAssembly.instantiate(wasm, imports);
    return new ZstdDecoder(/** @type {Exports} */ (/** @type {unknown} */ (instance.exports)));
  }

  /**
   * The decompressed bytes: a view of WASM memory that the next call overwrites, at an address divisible by 4.
   * @param {Uint8Array} data one zstd frame
   * @param {number} length that it must decompress to, exactly
   */
  decompress(data, length) {
    const from = this.#source.reserve(data.length);
    const to = this.#target.reserve(length);
    const { memory, ZSTD_decompress, ZSTD_isError } = this.#exports;
    new Uint8Array(memory.buffer, from, data.length).set(data);
    const result = ZSTD_decompress(to, length, from, data.length) >>> 0;
    if (ZSTD_isError(result)) throw new RangeError("zstd data is damaged or too long");
    if (result !== length) throw new RangeError(`zstd data holds ${result} bytes, expected ${length}`);
    return new Uint8Array(memory.buffer, to, length);
  }
}

/** A piece of WASM memory that grows. */
class Area {
  #exports;
  #pointer = 0;
  #size = 0;

  /** @param {Exports} exports */
  constructor(exports) {
    this.#exports = exports;
  }

  /** @param {number} size */
  reserve(size) {
    if (size > this.#size) {
      if (this.#pointer) this.#exports.free(this.#pointer);
      this.#size = Math.max(size, 64 << 10);
      this.#pointer = this.#exports.malloc(this.#size);
      if (this.#pointer === 0) {
        this.#size = 0;
        throw new RangeError(`no memory for ${size} bytes`);
      }
    }
    return this.#pointer;
  }
}
