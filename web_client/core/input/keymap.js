/** What a KeyboardEvent means on the wire (docs/protocol.md 1.3), and which keys are special. Pure. */

import { LOCK, MAXIMUM_TEXT_BYTES, MODIFIER } from "../protocol/messages.js";

/**
 * The parts of a KeyboardEvent that count here; MouseEvents have those that modifiers need.
 * @typedef {{getModifierState: (name: string) => boolean, shiftKey: boolean, ctrlKey: boolean, altKey: boolean,
 *   metaKey: boolean}} ModifierState
 * @typedef {ModifierState & {key: string, code: string}} Stroke
 */

/** Keys that stay with the browser: the volume and media keys, and F11, which people know as its full screen. */
const BROWSER_KEYS = new Set([
  "F11", "AudioVolumeUp", "AudioVolumeDown", "AudioVolumeMute", "MediaPlayPause", "MediaTrackNext",
  "MediaTrackPrevious", "BrightnessUp", "BrightnessDown", "Power", "Sleep", "WakeUp",
]);

/** @param {Stroke} stroke */
export function isBrowserKey({ key }) {
  return BROWSER_KEYS.has(key);
}

/** @param {ModifierState} event */
export function modifiersOf(event) {
  // Windows reports AltGr as Control and Alt held together; the application is to see AltGr alone.
  if (event.getModifierState("AltGraph")) return MODIFIER.ALT_GRAPH | (event.shiftKey ? MODIFIER.SHIFT : 0);
  return (
    (event.shiftKey ? MODIFIER.SHIFT : 0) |
    (event.ctrlKey ? MODIFIER.CONTROL : 0) |
    (event.altKey ? MODIFIER.ALT : 0) |
    (event.metaKey ? MODIFIER.META : 0)
  );
}

/** @param {ModifierState} event */
export function locksOf(event) {
  return (event.getModifierState("CapsLock") ? LOCK.CAPS : 0) | (event.getModifierState("NumLock") ? LOCK.NUM : 0);
}

/**
 * @param {Stroke} stroke
 * @param {boolean} down
 * @returns {import("../protocol/messages.js").Key}
 */
export function keyMessage(stroke, down) {
  const text = stroke.key === "Unidentified" || stroke.key.length > 32 ? "" : stroke.key;
  const code = stroke.code.length > 32 ? "" : stroke.code;
  return { message: "KEY", down, modifiers: modifiersOf(stroke), locks: locksOf(stroke), code, text };
}

/**
 * Strokes that paste in one application or another, and for which browsers fire a paste event.
 * @param {Stroke} stroke
 */
export function isPaste({ key, ctrlKey, metaKey, altKey, shiftKey }) {
  if (key === "Paste") return true;
  if (key === "Insert") return shiftKey && !ctrlKey && !altKey;
  return key.toLowerCase() === "v" && (ctrlKey || metaKey) && !altKey;
}

/** @param {Stroke} stroke */
export function isCopy({ key, ctrlKey, metaKey, altKey }) {
  if (key === "Copy" || key === "Cut") return true;
  if (key === "Insert") return ctrlKey;
  return ["c", "x"].includes(key.toLowerCase()) && (ctrlKey || metaKey) && !altKey;
}

/** Macs copy and paste with Command where the application's desktop has Control. */
const COMMAND_CHORDS = new Set(["a", "c", "f", "n", "o", "p", "s", "v", "x", "y", "z"]);

/** @param {Stroke} stroke */
export function isCommandChord({ key, metaKey, ctrlKey, altKey }) {
  return metaKey && !ctrlKey && !altKey && COMMAND_CHORDS.has(key.toLowerCase());
}

/**
 * Committed text in pieces that fit a TEXT message, cut between characters.
 * @param {string} text
 * @returns {string[]}
 */
export function textPieces(text) {
  // Four bytes are the most that a character takes.
  const characters = Array.from(text);
  const step = MAXIMUM_TEXT_BYTES / 4;
  return Array.from({ length: Math.ceil(characters.length / step) }, (_, index) =>
    characters.slice(index * step, (index + 1) * step).join(""),
  );
}
