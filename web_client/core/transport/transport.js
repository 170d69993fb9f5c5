/**
 * The socket, one at a time, and what it brings: messages whose frames are painted.
 *
 * The page's own thread has the socket and paints what is small: a key's echo then crosses no thread (measured: 0.7 ms of
 * 5). What is large a worker paints, so that it never holds up input; whatever comes behind it waits for its turn.
 */

import { WORTH_KEEPING_BYTES } from "../display/buffers.js";
import { offer } from "../display/offer.js";
import { loadDecoder } from "../display/zstd.js";
import { encode } from "../protocol/messages.js";
import { ProtocolError } from "../protocol/wire.js";
import { follow, isForWorker, open, painted } from "./reader.js";
import { retireWorker, startWorker } from "./trusted.js";

/** @typedef {import("../protocol/messages.js").Message} Message */
/** @typedef {Exclude<Message, {message: "FRAME" | "SMALL_FRAME"}> | import("../display/tiles.js").Picture} Received */
/**
 * What a connection needs of its transport; tests put a fake in its place.
 * @typedef {{
 *   onopened: () => void,
 *   onmessages: (messages: Received[], receivedAt: number) => void,
 *   onclosed: (code: number, reason: string) => void,
 *   oncapabilities: () => void,
 *   capabilities: import("../protocol/messages.js").Capabilities,
 *   open: (url: string) => void, send: (...messages: Message[]) => void, close: (code?: number) => void,
 *   end: () => void}} TransportLike
 */
/** `messages`: null while the worker paints them. @typedef {{messages: Received[] | null, receivedAt: number}} Arrival */

const SUBPROTOCOL = "portcullis.v1";
/** The decoder could not be loaded: no close code of the protocol, since no peer sends it. */
const DECODER_MISSING = 4999;
const NORMAL = 1000;
const PROTOCOL_ERROR = 4400;
/** Painted in less than half a millisecond, and not worth keeping buffers for. */
const PAINTED_HERE_PIXELS = WORTH_KEEPING_BYTES / 4;

let attempts = 0;

/** Loads and tries out what the first session needs, when the page has nothing else to do. */
export function prepare() {
  const later = "requestIdleCallback" in globalThis ? requestIdleCallback : setTimeout;
  later(() => attempts === 0 && new Transport().end());
}

/** @implements {TransportLike} */
export class Transport {
  #worker = startWorker();
  #loading = loadDecoder();
  /** @type {WebSocket | null} */
  #socket = null;
  /** Names the page's wish of the moment: whatever belongs to an earlier one, of any transport, is not heard. */
  #attempt = ++attempts;
  #open = false;
  #broken = false;
  #display = { width: 0, height: 0 };
  /** What came and was not handed on, the oldest first. @type {Arrival[]} */
  #arrivals = [];
  #changed = () => this.oncapabilities();
  /** Since the page was opened. */
  receivedBytes = 0;

  onopened = () => {};
  /** @type {(messages: Received[], receivedAt: number) => void} `receivedAt`: ms since the epoch */
  onmessages = () => {};
  /** @type {(code: number, reason: string) => void} */
  onclosed = () => {};
  /** `capabilities` are others now. */
  oncapabilities = () => {};

  constructor() {
    this.#worker.onmessage = ({ data }) => this.#heard(data);
    this.#worker.onerror = () => this.#break();
    // Heard when the first socket is to open; until then a failure is nobody's yet.
    this.#loading.catch(() => {});
    offer.addEventListener("change", this.#changed);
  }

  get capabilities() {
    return offer.capabilities;
  }

  /** @param {string} url */
  open(url) {
    this.#drop(NORMAL);
    this.#open = true;
    const attempt = this.#attempt;
    this.#loading.then(
      (zstd) => {
        if (attempt !== this.#attempt) return;
        if (this.#broken) this.#break();
        else this.#connect(url, zstd);
      },
      () => attempt === this.#attempt && this.#break(),
    );
  }

  /** @param {...Message} messages */
  send(...messages) {
    if (this.#socket?.readyState === WebSocket.OPEN)
      this.#socket.send(/** @type {Uint8Array<ArrayBuffer>} */ (encode(...messages)));
  }

  /** Gives back a picture's pixels, which the page has drawn. @param {ArrayBuffer} buffer */
  recycle(buffer) {
    if (buffer.byteLength >= WORTH_KEEPING_BYTES) this.#worker.postMessage({ spent: buffer }, [buffer]);
  }

  /** Ends the socket; `onclosed` hears nothing of it. */
  close(code = NORMAL) {
    this.#open = false;
    this.#drop(code);
  }

  end() {
    this.close();
    offer.removeEventListener("change", this.#changed);
    if (this.#broken) this.#worker.terminate();
    else retireWorker(this.#worker);
  }

  /**
   * @param {string} url
   * @param {import("../display/zstd.js").ZstdDecoder} zstd
   */
  #connect(url, zstd) {
    const socket = new WebSocket(url, SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket === this.#socket && this.onopened();
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(data, zstd);
    socket.onclose = ({ code, reason }) => socket === this.#socket && this.#ended(code, reason);
    this.#socket = socket;
  }

  /** @param {number} code */
  #drop(code) {
    this.#attempt = ++attempts;
    this.#arrivals = [];
    this.#worker.postMessage({ forget: true });
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(code);
  }

  /**
   * @param {ArrayBuffer | string} data
   * @param {import("../display/zstd.js").ZstdDecoder} zstd
   */
  #receive(data, zstd) {
    const receivedAt = performance.timeOrigin + performance.now();
    this.receivedBytes += typeof data === "string" ? data.length : data.byteLength;
    try {
      const messages = open(data);
      if (typeof data !== "string" && isForWorker(messages, PAINTED_HERE_PIXELS)) this.#giveAway(data, messages, receivedAt);
      else this.#arrived({ messages: painted(messages, this.#display, { zstd }), receivedAt });
    } catch (error) {
      // What is too large for this page's memory ends its connection as what cannot be read does, not the page.
      if (!(error instanceof ProtocolError)) console.error(error);
      this.#fail();
    }
  }

  /**
   * @param {ArrayBuffer} data
   * @param {Message[]} messages
   * @param {number} receivedAt
   */
  #giveAway(data, messages, receivedAt) {
    const display = { ...this.#display };
    follow(messages, this.#display);
    this.#arrivals.push({ messages: null, receivedAt });
    this.#worker.postMessage({ read: data, display, attempt: this.#attempt }, [data]);
  }

  /** @param {Arrival} arrival */
  #arrived(arrival) {
    this.#arrivals.push(arrival);
    this.#handOn();
  }

  #handOn() {
    while (this.#arrivals[0]?.messages) {
      const { messages, receivedAt } = /** @type {Arrival} */ (this.#arrivals.shift());
      if (messages?.length) this.onmessages(messages, receivedAt);
    }
  }

  /** From the worker. @param {any} data */
  #heard(data) {
    if (data.broken) return this.#break();
    if (data.probed) return;
    if (data.attempt !== this.#attempt) return;
    if (data.failed) return this.#fail();
    if (data.lostVideo) return offer.lost(data.lostVideo, this.#worker);
    // It paints in the order in which it was asked to.
    const arrival = this.#arrivals.find(({ messages }) => messages === null);
    if (arrival) arrival.messages = data.messages;
    this.#handOn();
  }

  #fail() {
    this.#drop(PROTOCOL_ERROR);
    this.#closed(PROTOCOL_ERROR, "protocol_error");
  }

  #break() {
    this.#broken = true;
    this.#drop(NORMAL);
    this.#closed(DECODER_MISSING, "decoder_missing");
  }

  /**
   * What waited behind a picture is handed on first: it may say why. The pictures are of no use any more.
   * @param {number} code
   * @param {string} reason
   */
  #ended(code, reason) {
    this.#socket = null;
    const told = this.#arrivals.flatMap(({ messages }) => messages ?? []).filter(({ message }) => message !== "PICTURE");
    this.#drop(NORMAL);
    if (told.length) this.onmessages(told, performance.timeOrigin + performance.now());
    this.#closed(code, reason);
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
