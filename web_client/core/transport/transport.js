/** The page's end of the transport: opens sockets in the worker, one at a time, and hears only the newest one. */

import { WORTH_KEEPING_BYTES } from "../display/buffers.js";
import { encode } from "../protocol/messages.js";
import { startWorker } from "./trusted.js";

/** @typedef {import("../protocol/messages.js").Message} Message */
/** @typedef {Exclude<Message, {message: "FRAME"}> | import("../display/tiles.js").Picture} Received */
/**
 * What a connection needs of its transport; tests put a fake in its place.
 * @typedef {{
 *   onopened: () => void,
 *   onmessages: (messages: Received[], receivedAt: number) => void,
 *   onclosed: (code: number, reason: string) => void,
 *   open: (url: string) => void, send: (...messages: Message[]) => void, close: (code?: number) => void,
 *   end: () => void}} TransportLike
 */

/** The decoder could not be loaded: no close code of the protocol, since no peer sends it. */
export const DECODER_MISSING = 4999;
const NORMAL = 1000;

/** @implements {TransportLike} */
export class Transport {
  #worker = startWorker();
  #attempt = 0;
  #open = false;
  #broken = false;

  onopened = () => {};
  /** @type {(messages: Received[], receivedAt: number) => void} `receivedAt`: ms since the epoch */
  onmessages = () => {};
  /** @type {(code: number, reason: string) => void} */
  onclosed = () => {};

  constructor() {
    this.#worker.onmessage = ({ data }) => this.#heard(data);
    this.#worker.onerror = () => this.#break();
  }

  /** @param {string} url */
  open(url) {
    this.#open = true;
    this.#attempt++;
    if (this.#broken) queueMicrotask(() => this.#break());
    this.#worker.postMessage({ open: { url, attempt: this.#attempt } });
  }

  /** @param {...Message} messages */
  send(...messages) {
    const bytes = encode(...messages);
    this.#worker.postMessage({ send: bytes }, [bytes.buffer]);
  }

  /** Gives back a picture's pixels, which the page has drawn. @param {ArrayBuffer} buffer */
  recycle(buffer) {
    if (buffer.byteLength >= WORTH_KEEPING_BYTES) this.#worker.postMessage({ spent: buffer }, [buffer]);
  }

  /** Ends the socket; `onclosed` hears nothing of it. */
  close(code = NORMAL) {
    this.#open = false;
    this.#worker.postMessage({ close: code });
  }

  end() {
    this.close();
    // By the worker itself, behind the close: terminated from here it might not come to send the Close frame.
    this.#worker.postMessage({ finish: true });
  }

  /** @param {any} data */
  #heard(data) {
    if (!this.#open || data.attempt !== this.#attempt) return;
    if (data.broken) this.#break();
    else if (data.opened) this.onopened();
    else if (data.messages) this.onmessages(data.messages, data.receivedAt);
    else if (data.closed) this.#closed(data.closed.code, data.closed.reason);
  }

  #break() {
    this.#broken = true;
    this.#closed(DECODER_MISSING, "decoder_missing");
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #closed(code, reason) {
    if (!this.#open) return;
    this.#open = false;
    this.onclosed(code, reason);
  }
}
