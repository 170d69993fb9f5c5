/**
 * Paints large frames, and those with video, away from the thread that takes input; hands them back in the order in which they
 * came. A few are under way at once, so that a decoder always has something to do.
 *
 * From the page: {read: ArrayBuffer, display, attempt}, {spent: buffer}, {forget: true}, {probe: bits}. To the page:
 * {messages, attempt}, {failed, attempt}, {broken}, {video: bits, probed: bits}, {lostVideo: bit, attempt}.
 */

import { SpareBuffers } from "../display/buffers.js";
import { probe } from "../display/capabilities.js";
import { decodeJpeg } from "../display/jpeg.js";
import { Streams } from "../display/video.js";
import { loadDecoder } from "../display/zstd.js";
import { ProtocolError } from "../protocol/wire.js";
import { open, painted } from "./reader.js";

/** @typedef {{read: ArrayBuffer, display: import("./reader.js").Display, attempt: number}} Work */

/** Each may take four times the display's memory. */
const AT_ONCE = 4;

const buffers = new SpareBuffers();
const streams = new Streams((bit, reason) => {
  console.info(`a video decoder failed: ${reason}`);
  self.postMessage({ lostVideo: bit, attempt });
});
const loading = loadDecoder();
loading.catch((error) => self.postMessage({ broken: String(error) }));

/** Whose streams these are. */
let attempt = 0;
/** @type {Work[]} */
let waiting = [];
let underWay = 0;
/** Done when all that was begun has been handed back. */
let handedBack = Promise.resolve();

self.onmessage = ({ data }) => {
  if (data.spent) buffers.give(data.spent);
  else if (data.probe) probe(data.probe).then((video) => self.postMessage({ video, probed: data.probe }));
  else if (data.forget) forget();
  else if (data.read) loading.then((zstd) => take(data, zstd), () => {});
};

function forget() {
  waiting = [];
  streams.close();
}

/**
 * @param {Work} work
 * @param {import("../display/zstd.js").ZstdDecoder} zstd
 */
function take(work, zstd) {
  waiting.push(work);
  begin(zstd);
}

/** @param {import("../display/zstd.js").ZstdDecoder} zstd */
function begin(zstd) {
  while (underWay < AT_ONCE && waiting.length > 0) {
    const work = /** @type {Work} */ (waiting.shift());
    const reading = read(work, zstd);
    underWay++;
    handedBack = handedBack.then(async () => {
      const { message, transfer } = await reading;
      self.postMessage(message, { transfer });
      underWay--;
      begin(zstd);
    });
  }
}

/**
 * @param {Work} work
 * @param {import("../display/zstd.js").ZstdDecoder} zstd
 * @returns {Promise<{message: object, transfer: ArrayBuffer[]}>}
 */
async function read(work, zstd) {
  attempt = work.attempt;
  try {
    const later = /** @type {Promise<void>[]} */ ([]);
    const messages = painted(open(work.read), work.display, { zstd, buffers, media: { jpeg: decodeJpeg, streams }, later });
    await Promise.all(later);
    const transfer = messages.flatMap((message) => (message.message === "PICTURE" ? [message.pixels] : []));
    return { message: { messages, attempt: work.attempt }, transfer };
  } catch (error) {
    if (!(error instanceof ProtocolError)) console.error(error);
    return { message: { failed: true, attempt: work.attempt }, transfer: [] };
  }
}
