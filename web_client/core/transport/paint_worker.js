/**
 * Paints large frames away from the thread that takes input, in the order in which they come.
 *
 * From the page: {read: ArrayBuffer, display, attempt}, {spent: buffer}. To the page: {messages, attempt}, {failed, attempt},
 * {broken}.
 */

import { SpareBuffers } from "../display/buffers.js";
import { loadDecoder } from "../display/zstd.js";
import { ProtocolError } from "../protocol/wire.js";
import { open, painted } from "./reader.js";

const buffers = new SpareBuffers();
const loading = loadDecoder();
loading.catch((error) => self.postMessage({ broken: String(error) }));

self.onmessage = ({ data }) => {
  if (data.spent) buffers.give(data.spent);
  else if (data.read) loading.then((zstd) => read(data, zstd), () => {});
};

/**
 * @param {{read: ArrayBuffer, display: import("./reader.js").Display, attempt: number}} work
 * @param {import("../display/zstd.js").ZstdDecoder} zstd
 */
function read({ read: data, display, attempt }, zstd) {
  try {
    const messages = painted(open(data), display, zstd, buffers);
    const transfer = messages.flatMap((message) => (message.message === "PICTURE" ? [message.pixels] : []));
    self.postMessage({ messages, attempt }, { transfer });
  } catch (error) {
    if (!(error instanceof ProtocolError)) console.error(error);
    self.postMessage({ failed: true, attempt });
  }
}
