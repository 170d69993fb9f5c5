/** The broken wire messages that Python's codec judged (tests/support/wire_mutants.py), made here in the same way. */

const LONGEST_BASE_BYTES = 400;
const BYTES = [0, 1, 0x7f, 0x80, 0xff];
const LENGTHS = [0, 1, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** mulberry32. @param {number} seed */
export function generator(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** @param {number} seed @param {number} count @param {Buffer[]} originals */
export function* mutants(seed, count, originals) {
  const bases = originals.filter(({ length }) => length <= LONGEST_BASE_BYTES);
  const draw = generator(seed);
  for (let number = 0; number < count; number++) {
    let data = bases[number % bases.length];
    for (let rounds = 1 + (draw() % 3); rounds > 0; rounds--) data = mutated(data, draw, bases);
    yield data;
  }
}

/** @param {Buffer} data @param {() => number} draw @param {Buffer[]} bases */
function mutated(data, draw, bases) {
  const kind = draw() % 8;
  const at = draw() % (data.length + 1);
  const before = data.subarray(0, at);
  if (kind === 0 || kind === 1) {
    const drawn = draw();
    if (at === data.length) return data;
    const copy = Buffer.from(data);
    copy[at] = kind === 0 ? copy[at] ^ (1 << drawn % 8) : BYTES[drawn % BYTES.length];
    return copy;
  }
  if (kind === 2) return before;
  if (kind === 3) return Buffer.concat([before, data.subarray(at + (draw() % 9))]);
  if (kind === 4) return Buffer.concat([before, data.subarray(at, at + (draw() % 17)), data.subarray(at)]);
  if (kind === 5) {
    const length = LENGTHS[draw() % LENGTHS.length];
    if (at + 4 > data.length) return data;
    const copy = Buffer.from(data);
    copy.writeUInt32LE(length, at);
    return copy;
  }
  const other = bases[draw() % bases.length];
  return kind === 6 ? Buffer.concat([data, other]) : Buffer.concat([other, data]);
}

/** @param {Buffer} data */
export function fnv1a(data) {
  let value = 0x811c9dc5;
  for (const byte of data) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value.toString(16).padStart(8, "0");
}
