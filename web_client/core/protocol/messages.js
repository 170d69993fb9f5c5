/**
 * Every message of the wire (docs/protocol.md 1) as a table of fields, and the two directions over it.
 *
 * A message is a plain object whose `message` is its name in the document. `decode` skips types it does not know.
 */

import {
  HEADER_BYTES, MAXIMUM_BODY_BYTES, MAXIMUM_MESSAGES, MAXIMUM_TO_CLIENT_BYTES, ProtocolError, Reader, Writer,
  bytes, flag, readFields, repeated, signed16, text, unsigned, unsigned64, writeFields,
} from "./wire.js";
import { operations, smallOperations } from "./operations.js";
import { varint } from "./small_frames.js";

/** @template [T=any] @typedef {import("./wire.js").Codec<T>} Codec */

/** @typedef {import("./operations.js").Operation} Operation */

/** @typedef {{message: "ADMIT_TICKET", ticket: string}} AdmitTicket */
/** @typedef {{message: "ADMIT_GRANT" | "ADMITTED" | "GRANT", grant: string}} GrantMessage */
/** @typedef {{message: "CHALLENGE", lowestVersion: number, highestVersion: number, nonce: Uint8Array}} Challenge */
/** @typedef {{message: "PROOF", version: number, lastAcknowledged: number, signature: Uint8Array}} Proof */
/**
 * @typedef {{message: "WELCOME", version: number, e: number, r: number, width: number, height: number,
 *   maximumWidth: number, maximumHeight: number, permissions: number, lastInput: number}} Welcome
 */
/** @typedef {{message: "CLOSING", code: number, reason: string}} Closing */
/** @typedef {{message: "PING" | "PONG", id: number}} PingPong */
/** @typedef {{message: "VISIBILITY", visible: boolean}} Visibility */
/** @typedef {{message: "FRAME", sequence: number, lastInput: number, capturedUs: number, operations: Operation[]}} Frame */
/** @typedef {{message: "SMALL_FRAME", sequence: number, lastInput: number, operations: Operation[]}} SmallFrame */
/** @typedef {{message: "RESIZED", width: number, height: number}} Resized */
/**
 * @typedef {{message: "CURSOR", serial: number, hotX: number, hotY: number, width: number, height: number,
 *   rgba: Uint8Array}} Cursor
 */
/** @typedef {{message: "CURSOR_USE", serial: number}} CursorUse */
/** @typedef {{message: "TITLE", title: string}} Title */
/** @typedef {{message: "NOTICE", text: string}} Notice */
/** @typedef {{message: "COVERED", reason: string}} Covered why the screen cannot be seen; empty: it can */
/** @typedef {{message: "ACK", sequence: number, drawnAfterUs: number}} Acknowledge */
/** @typedef {{message: "RESIZE", width: number, height: number, pixelRatioPercent: number}} Resize */
/** @typedef {{message: "REFRESH"}} Refresh */
/** Bit k of `operations`: kind k is drawn. @typedef {{message: "CAPABILITIES", operations: number, video: number}} Capabilities */
/** @typedef {{message: "FEATURES", features: number}} Features */
/** @typedef {{x: number, y: number, width: number, height: number}} Monitor */
/** @typedef {{message: "MONITORS", pixelRatioPercent: number, monitors: Monitor[]}} Monitors */
/** @typedef {{message: "WATCH_QUALITY", on: boolean}} WatchQuality */
/**
 * @typedef {{message: "QUALITY", roundTripUs: number, queueingUs: number, encodingUs: number, qualityPercent: number,
 *   hostLoadPercent: number, limit: number, encoder: string}} Quality
 */
/**
 * @typedef {{message: "VIEW_REPORT", milliseconds: number, frames: number, receivedBytes: number, echoMedianUs: number,
 *   echoP95Us: number, drawingUs: number}} ViewReport
 */
/** @typedef {{message: "KEY", down: boolean, modifiers: number, locks: number, code: string, text: string}} Key */
/** @typedef {{message: "TEXT", text: string}} CommittedText */
/** @typedef {{message: "POINTER", x: number, y: number, buttons: number, modifiers: number}} Pointer */
/** @typedef {{message: "WHEEL", x: number, y: number, dx: number, dy: number, modifiers: number}} Wheel */
/** @typedef {{message: "RELEASE_ALL"}} ReleaseAll */
/** @typedef {{message: "INPUT_ACK", lastInput: number}} InputAcknowledge */
/** @typedef {{message: "CLIPBOARD_TEXT", serial: number, text: string}} ClipboardText */

/**
 * Input before it has its sequence: what keyboard and pointer make.
 * @typedef {Key | CommittedText | Pointer | Wheel | ReleaseAll} Input
 */
/** @typedef {Input & {sequence: number}} NumberedInput */
/**
 * @typedef {AdmitTicket | GrantMessage | Challenge | Proof | Welcome | Closing | PingPong | Visibility | Frame | SmallFrame
 *   | Resized | Cursor | CursorUse | Title | Notice | Covered | Acknowledge | Resize | Refresh | Capabilities | Features
 *   | Monitors | WatchQuality | Quality | ViewReport | NumberedInput | InputAcknowledge | ClipboardText} Message
 */

export const VERSION = 1;
export const MAXIMUM_CLIPBOARD_BYTES = 1 << 20;
export const MAXIMUM_TEXT_BYTES = 4096;

/** Bits of WELCOME's `permissions`. */
export const PERMIT = { INPUT: 1, CLIPBOARD_IN: 2, CLIPBOARD_OUT: 4 };
/** Bits of `modifiers` and `locks`. */
export const MODIFIER = { SHIFT: 1, CONTROL: 2, ALT: 4, META: 8, ALT_GRAPH: 16 };
export const LOCK = { CAPS: 1, NUM: 2 };
/** Bits of FEATURES. */
export const FEATURE = { MONITORS: 1, QUALITY: 2 };
/** QUALITY's `limit`: what keeps the picture from being better. */
export const LIMIT = { NONE: 0, NETWORK: 1, HOST: 2, CLIENT: 3 };
export const MAXIMUM_MONITORS = 8;

const u8 = unsigned(1);
const u16 = unsigned(2);
const u32 = unsigned(4);
const displaySide = unsigned(2, 1, 16384);
const cursorSide = unsigned(2, 1, 128);
const grant = text(2, 3072);
const name = text(1, 32);
/** @param {number} type @param {Record<string, Codec>} [fields] @param {number} [maximum] of the body */
const row = (type, fields = {}, maximum = MAXIMUM_BODY_BYTES) => ({ type, fields, maximum });

/** @type {Record<string, {type: number, fields: Record<string, Codec>, maximum: number}>} */
export const MESSAGES = {
  ADMIT_TICKET: row(0x01, { ticket: text(2, 256) }),
  ADMIT_GRANT: row(0x02, { grant }),
  ADMITTED: row(0x03, { grant }),
  CHALLENGE: row(0x10, { lowestVersion: u8, highestVersion: u8, nonce: bytes(() => 32) }),
  PROOF: row(0x11, { version: u8, lastAcknowledged: u32, signature: bytes(() => 64) }),
  WELCOME: row(0x12, {
    version: u8, e: u32, r: u32, width: u16, height: u16, maximumWidth: u16, maximumHeight: u16, permissions: u8,
    lastInput: u32,
  }),
  GRANT: row(0x13, { grant }),
  CLOSING: row(0x14, { code: u16, reason: text(2, 64) }),
  PING: row(0x15, { id: u32 }),
  PONG: row(0x16, { id: u32 }),
  VISIBILITY: row(0x17, { visible: flag }),
  CAPABILITIES: row(0x18, { operations: u32, video: u16 }),
  FEATURES: row(0x19, { features: u32 }),
  FRAME: row(
    0x20,
    { sequence: u32, lastInput: u32, capturedUs: unsigned64, operations },
    MAXIMUM_TO_CLIENT_BYTES - HEADER_BYTES,
  ),
  RESIZED: row(0x21, { width: displaySide, height: displaySide }),
  CURSOR: row(
    0x22,
    {
      serial: u32, hotX: u16, hotY: u16, width: cursorSide, height: cursorSide,
      rgba: bytes(({ width, height }) => width * height * 4),
    },
    2 * MAXIMUM_BODY_BYTES,
  ),
  CURSOR_USE: row(0x23, { serial: u32 }),
  TITLE: row(0x24, { title: text(2, 1024) }),
  NOTICE: row(0x26, { text: text(2, 2048) }),
  COVERED: row(0x27, { reason: name }),
  SMALL_FRAME: row(0x25, { sequence: varint(), lastInput: varint(), operations: smallOperations }),
  ACK: row(0x28, { sequence: u32, drawnAfterUs: u32 }),
  RESIZE: row(0x29, { width: displaySide, height: displaySide, pixelRatioPercent: u16 }),
  REFRESH: row(0x2a),
  MONITORS: row(0x2b, {
    pixelRatioPercent: u16,
    monitors: repeated({ x: u16, y: u16, width: displaySide, height: displaySide }, 1, MAXIMUM_MONITORS),
  }),
  WATCH_QUALITY: row(0x2c, { on: flag }),
  QUALITY: row(0x2d, {
    roundTripUs: u32, queueingUs: u32, encodingUs: u32, qualityPercent: u16, hostLoadPercent: u16, limit: u8,
    encoder: text(1, 64),
  }),
  VIEW_REPORT: row(0x2e, {
    milliseconds: u32, frames: u32, receivedBytes: u32, echoMedianUs: u32, echoP95Us: u32, drawingUs: u32,
  }),
  KEY: row(0x30, { sequence: u32, down: flag, modifiers: u8, locks: u8, code: name, text: name }),
  TEXT: row(0x31, { sequence: u32, text: text(2, MAXIMUM_TEXT_BYTES) }),
  POINTER: row(0x32, { sequence: u32, x: u16, y: u16, buttons: u8, modifiers: u8 }),
  WHEEL: row(0x33, { sequence: u32, x: u16, y: u16, dx: signed16, dy: signed16, modifiers: u8 }),
  RELEASE_ALL: row(0x34, { sequence: u32 }),
  INPUT_ACK: row(0x38, { lastInput: u32 }),
  CLIPBOARD_TEXT: row(
    0x40,
    { serial: u32, text: text(4, MAXIMUM_CLIPBOARD_BYTES) },
    MAXIMUM_CLIPBOARD_BYTES + MAXIMUM_BODY_BYTES - HEADER_BYTES,
  ),
};

const NAME_OF_TYPE = new Map(Object.entries(MESSAGES).map(([message, { type }]) => [type, message]));

/**
 * The payload of one WebSocket message.
 * @param {...Message} messages
 */
export function encode(...messages) {
  const writer = new Writer();
  for (const message of messages) {
    const { type, fields, maximum } = MESSAGES[message.message];
    const body = writeFields(fields, message);
    if (body.length > maximum) throw new ProtocolError("a message is too large");
    writer.framed(type, body);
  }
  return writer.finish();
}

/**
 * The messages of one WebSocket message. Byte fields are views of `data`.
 * @param {Uint8Array} data
 * @returns {Message[]}
 */
export function decode(data) {
  if (data.length === 0) throw new ProtocolError("an empty WebSocket message");
  const reader = new Reader(data);
  const messages = [];
  for (let count = 0; reader.remaining > 0; count++) {
    if (count === MAXIMUM_MESSAGES) throw new ProtocolError("too many messages in one WebSocket message");
    const { kind, body } = reader.framed();
    const message = NAME_OF_TYPE.get(kind);
    if (message !== undefined) messages.push(readMessage(message, body));
  }
  return messages;
}

/**
 * @param {string} message
 * @param {Uint8Array} body
 */
function readMessage(message, body) {
  const { fields, maximum } = MESSAGES[message];
  if (body.length > maximum) throw new ProtocolError("a message is too large");
  return /** @type {Message} */ ({ message, ...readFields(fields, body) });
}
