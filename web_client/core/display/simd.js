/**
 * An assembler of WebAssembly: as much of it as a loop over vectors needs. Bytes are written as text would be, an
 * instruction behind what it takes (https://webassembly.github.io/spec/core/binary/).
 *
 * So a program stands in the source that is served, and nobody has to build it or to trust what somebody built.
 */

/** Of one instruction and all that it takes. @typedef {number[]} Code */

export const I32 = 0x7f;
export const V128 = 0x7b;
const PAGE_BYTES = 64 << 10;
const FUNCTION = 0x60;
const [TYPES, FUNCTIONS, MEMORY, EXPORTS, CODE] = [1, 3, 5, 7, 10];
const VECTOR = 0xfd;
const END = 0x0b;
const NO_RESULT = 0x40;
/** No promise of where an address is. */
const UNALIGNED = 0;

// --- numbers: what has to be computed

/** @param {number} local */
export const get = (local) => [0x20, ...unsigned(local)];
/** @param {number} local @param {Code} value */
export const set = (local, value) => [...value, 0x21, ...unsigned(local)];
/** @param {number} value */
export const i32 = (value) => [0x41, ...signed(value)];
/** @param {Code} one @param {Code} other */
export const sum = (one, other) => [...one, ...other, 0x6a];
/** Of addresses. @param {Code} one @param {Code} other */
export const isBelow = (one, other) => [...one, ...other, 0x49];

/** The body, and again as long as the condition holds. @param {Code} body @param {Code} condition */
export const repeat = (body, condition) => [0x03, NO_RESULT, ...body, ...condition, 0x0d, ...unsigned(0), END];

// --- vectors: sixteen bytes, or eight numbers of 16 bits

/** @param {Code} address */
export const load = (address) => [...address, VECTOR, 0, UNALIGNED, 0];
/** Eight bytes, and eight zeros. @param {Code} address */
export const loadHalf = (address) => [...address, VECTOR, 0x5d, UNALIGNED, 0];
/** @param {Code} address @param {number} offset @param {Code} value */
export const store = (address, offset, value) => [...address, ...value, VECTOR, 11, UNALIGNED, ...unsigned(offset)];

/** @param {number} value in all eight numbers */
export const eight = (value) => [VECTOR, 12, ...Array.from({ length: 8 }, () => [value & 0xff, (value >> 8) & 0xff]).flat()];
/** Bytes of both, by number: the other's from 16 on. @param {number[]} places @param {Code} one @param {Code} other */
export const shuffle = (places, one, other) => [...one, ...other, VECTOR, 13, ...places];

/** @param {number} opcode @returns {(one: Code, other: Code) => Code} */
const binary = (opcode) => (one, other) => [...one, ...other, VECTOR, ...unsigned(opcode)];
export const add = binary(142);
/** No more than a number holds. */
export const addWithin = binary(143);
export const subtract = binary(145);
/** Of fractions: 32768 is one. */
export const product = binary(130);
/** The vector's numbers by so many bits, given as an i32. */
export const shiftLeft = binary(139);
export const shiftRight = binary(140);
/** Sixteen numbers to as many bytes, 0 to 255. */
export const toBytes = binary(102);
/** The first or the last eight bytes to numbers. @param {Code} bytes @param {0 | 1} half */
export const toNumbers = (bytes, half) => [...bytes, VECTOR, ...unsigned(137 + half)];

// --- the module

/**
 * A module whose functions take `parameters` numbers, have `vectors` vectors behind them, and return nothing.
 * @param {{parameters: number, vectors: number, memoryBytes: number, functions: Record<string, Code>}} program
 */
export function assemble({ parameters, vectors, memoryBytes, functions }) {
  const bodies = Object.values(functions);
  const exported = Object.keys(functions).map((name, number) => [...text(name), 0, ...unsigned(number)]);
  const locals = list([[...unsigned(vectors), V128]]);
  return Uint8Array.from([
    ...text("\0asm").slice(1), 1, 0, 0, 0,
    ...section(TYPES, list([[FUNCTION, ...list(Array(parameters).fill([I32])), ...list([])]])),
    ...section(FUNCTIONS, list(bodies.map(() => unsigned(0)))),
    ...section(MEMORY, list([[0, ...unsigned(Math.ceil(memoryBytes / PAGE_BYTES))]])),
    ...section(EXPORTS, list([...exported, [...text("memory"), 2, ...unsigned(0)]])),
    ...section(CODE, list(bodies.map((body) => sized([...locals, ...body, END])))),
  ]);
}

/** @param {number} number @param {Code} contents */
const section = (number, contents) => [number, ...sized(contents)];
/** @param {Code} contents */
const sized = (contents) => [...unsigned(contents.length), ...contents];
/** @param {Code[]} items */
const list = (items) => [...unsigned(items.length), ...items.flat()];
/** @param {string} characters of ASCII */
const text = (characters) => sized(Array.from(characters, (character) => character.charCodeAt(0)));

/** LEB128. @param {number} value @returns {Code} */
function unsigned(value) {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** The same of what may be below zero. @param {number} value @returns {Code} */
function signed(value) {
  const isLast = value >= -0x40 && value < 0x40;
  return isLast ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}
