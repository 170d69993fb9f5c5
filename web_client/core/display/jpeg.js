/** Photographs: what a JPEG says of its size, and its pixels. */

import { ProtocolError } from "../protocol/wire.js";

const START = 0xffd8;
/** Baseline and extended sequential: what the protocol allows. */
const SIZES = new Set([0xffc0, 0xffc1]);
const SCAN = 0xffda;
const FIRST_SEGMENT = 0xffc0;

/**
 * Read before a decoder sees it: one may ask for gigabytes. Null if there is none.
 * @param {Uint8Array} data
 */
export function sizeOfJpeg(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length < 4 || view.getUint16(0) !== START) return null;
  for (let at = 2; at + 9 <= data.length; ) {
    const marker = view.getUint16(at);
    if (marker < FIRST_SEGMENT || marker === SCAN) return null;
    if (SIZES.has(marker)) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

/**
 * RGBA. Rejects with ProtocolError.
 * @param {Uint8Array} data
 * @param {number} width
 * @param {number} height
 */
export async function decodeJpeg(data, width, height) {
  const blob = new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (data)], { type: "image/jpeg" });
  try {
    const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", imageOrientation: "none" });
    try {
      // A canvas of its own: another photograph may be decoded meanwhile.
      const context = new OffscreenCanvas(width, height).getContext("2d", { alpha: false, willReadFrequently: true });
      if (context === null) throw new Error("no canvas");
      context.drawImage(bitmap, 0, 0);
      return context.getImageData(0, 0, width, height).data;
    } finally {
      bitmap.close();
    }
  } catch (cause) {
    throw new ProtocolError("a photograph is damaged", { cause });
  }
}
