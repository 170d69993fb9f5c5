/**
 * The transport's worker: WebSocket, codec of what comes in, and zstd, away from the thread that takes input.
 *
 * From the page: {open: {url, attempt}}, {send: bytes}, {close: code}, {spent: buffer}, {finish}. To the page, each with
 * `attempt`: {opened}, {messages, receivedAt}, {closed: {code, reason}}, {broken}. One socket at a time; `attempt` tells the
 * page which one it hears.
 */

import { SpareBuffers } from "../display/buffers.js";
import { ZstdDecoder } from "../display/zstd.js";
import { paint } from "../display/tiles.js";
import { decode } from "../protocol/messages.js";
import { MAXIMUM_TO_CLIENT_BYTES, ProtocolError } from "../protocol/wire.js";

const SUBPROTOCOL = "portcullis.v1";
const WASM = new URL("../../vendor/zstddec.wasm", import.meta.url);

/** @type {WebSocket | null} */
let socket = null;
/** The attempt that the page wants, from its `open` to its `close`. @type {number | null} */
let wanted = null;
/** @type {Promise<ZstdDecoder>} */
const loading = load();
// Heard when the first socket is to open; until then a failure is nobody's yet.
loading.catch(() => {});
const display = { width: 0, height: 0 };
const buffers = new SpareBuffers();

self.onmessage = ({ data }) => {
  if (data.open) start(data.open.url, data.open.attempt);
  else if (data.send) transmit(data.send);
  else if (data.close) close(data.close);
  else if (data.spent) buffers.give(data.spent);
  else if (data.finish) self.close();
};

async function load() {
  const response = await fetch(WASM);
  if (!response.ok) throw new Error(`${WASM.pathname}: ${response.status}`);
  return ZstdDecoder.instantiate(await response.arrayBuffer());
}

/**
 * @param {string} url
 * @param {number} attempt
 */
function start(url, attempt) {
  close(1000);
  wanted = attempt;
  loading.then(
    (zstd) => {
      if (wanted === attempt) open(url, attempt, zstd);
    },
    (error) => post({ broken: String(error), attempt }),
  );
}

/** @param {number} code */
function close(code) {
  wanted = null;
  socket?.close(code);
  socket = null;
}

/**
 * @param {string} url
 * @param {number} attempt
 * @param {ZstdDecoder} zstd
 */
function open(url, attempt, zstd) {
  const opened = new WebSocket(url, SUBPROTOCOL);
  opened.binaryType = "arraybuffer";
  opened.onopen = () => post({ opened: true, attempt });
  opened.onmessage = ({ data }) => {
    if (opened === socket) receive(data, attempt, zstd);
  };
  opened.onclose = ({ code, reason }) => {
    if (opened === socket) end(attempt, code, reason);
  };
  socket = opened;
}

/** @param {Uint8Array} bytes */
function transmit(bytes) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(/** @type {Uint8Array<ArrayBuffer>} */ (bytes));
}

/**
 * @param {ArrayBuffer | string} data
 * @param {number} attempt
 * @param {ZstdDecoder} zstd
 */
function receive(data, attempt, zstd) {
  const receivedAt = performance.timeOrigin + performance.now();
  try {
    const { messages, transfer } = read(data, zstd);
    if (messages.length) post({ messages, receivedAt, attempt }, transfer);
  } catch (error) {
    // What is too large for this page's memory ends its connection as what cannot be read does, not the page.
    if (!(error instanceof ProtocolError)) console.error(error);
    close(4400);
    end(attempt, 4400, "protocol_error");
  }
}

/**
 * @param {ArrayBuffer | string} data
 * @param {ZstdDecoder} zstd
 */
function read(data, zstd) {
  if (typeof data === "string") throw new ProtocolError("a text message");
  if (data.byteLength > MAXIMUM_TO_CLIENT_BYTES) throw new ProtocolError("a WebSocket message is too large");
  /** @type {ArrayBuffer[]} */
  const transfer = [];
  const messages = decode(new Uint8Array(data)).map((message) => {
    if (message.message === "WELCOME" || message.message === "RESIZED") {
      display.width = message.width;
      display.height = message.height;
    }
    if (message.message !== "FRAME") return message;
    const picture = paint(message, display, zstd, buffers);
    transfer.push(picture.pixels);
    return picture;
  });
  return { messages, transfer };
}

/**
 * @param {number} attempt
 * @param {number} code
 * @param {string} reason
 */
function end(attempt, code, reason) {
  close(1000);
  post({ closed: { code, reason }, attempt });
}

/**
 * @param {object} message
 * @param {Transferable[]} [transfer]
 */
function post(message, transfer = []) {
  self.postMessage(message, { transfer });
}
