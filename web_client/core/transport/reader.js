/**
 * What comes in, from the bytes of a WebSocket message to messages whose frames are painted. Runs in the page and in its
 * worker alike; keeps nothing but what it is given.
 */

import { needsMedia, paint, pixelsOf } from "../display/tiles.js";
import { decode } from "../protocol/messages.js";
import { MAXIMUM_TO_CLIENT_BYTES, ProtocolError } from "../protocol/wire.js";

/** @typedef {import("../protocol/messages.js").Message} Message */
/** @typedef {import("../display/tiles.js").Tools} Tools */
/** @typedef {import("./transport.js").Received} Received */
/** The display's size as of the last message. @typedef {{width: number, height: number}} Display */

/**
 * Throws ProtocolError.
 * @param {ArrayBuffer | string} data
 * @returns {Message[]}
 */
export function open(data) {
  if (typeof data === "string") throw new ProtocolError("a text message");
  if (data.byteLength > MAXIMUM_TO_CLIENT_BYTES) throw new ProtocolError("a WebSocket message is too large");
  return decode(new Uint8Array(data));
}

/**
 * Whether painting them would hold up the page, or only the worker can.
 * @param {Message[]} messages
 * @param {number} most pixels that the page paints itself
 */
export function isForWorker(messages, most) {
  let pixels = 0;
  for (const message of messages)
    if (message.message === "FRAME" || message.message === "SMALL_FRAME")
      for (const operation of message.operations) {
        if (needsMedia(operation)) return true;
        pixels += pixelsOf(operation);
      }
  return pixels >= most;
}

/**
 * Takes the sizes that the messages tell.
 * @param {Message[]} messages
 * @param {Display} display
 */
export function follow(messages, display) {
  for (const message of messages)
    if (message.message === "WELCOME" || message.message === "RESIZED") {
      display.width = message.width;
      display.height = message.height;
    }
}

/**
 * With every frame turned into a picture, whole once all of `tools.later` is done; `display` follows. Throws ProtocolError.
 * @param {Message[]} messages
 * @param {Display} display
 * @param {Tools} tools
 * @returns {Received[]}
 */
export function painted(messages, display, tools) {
  return messages.map((message) => {
    if (message.message === "FRAME" || message.message === "SMALL_FRAME") return paint(message, display, tools);
    follow([message], display);
    return message;
  });
}
