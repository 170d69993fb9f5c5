import { toHex } from "./vectors.js";

/** As the vectors name and write fields: snake_case, bytes as hex. */
export function plain(value) {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), plain(each)]),
  );
}
