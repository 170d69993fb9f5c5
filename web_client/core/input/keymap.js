/** What a KeyboardEvent means on the wire (docs/protocol.md 1.3), and which keys are special. Pure. */

import { LOCK, MAXIMUM_TEXT_BYTES, MODIFIER } from "../protocol/messages.js";

/**
 * The parts of a KeyboardEvent that count here; MouseEvents have those that modifiers need.
 * @typedef {{getModifierState: (name: string) => boolean, shiftKey: boolean, ctrlKey: boolean, altKey: boolean,
 *   metaKey: boolean}} ModifierState
 * @typedef {ModifierState & {key: string, code: string}} Stroke
 */

/** Keys that stay with the browser. */
const BROWSER_KEYS = new Set([
  "AudioVolumeUp", "AudioVolumeDown", "AudioVolumeMute", "MediaPlayPause", "MediaTrackNext",
  "MediaTrackPrevious", "BrightnessUp", "BrightnessDown", "Power", "Sleep", "WakeUp",
]);

/**
 * People know F11 as the browser's full screen: it stays with the browser, but where all keys are lent to the page.
 * @param {{key: string}} stroke
 * @param {boolean} areKeysLent
 */
export function isBrowserKey({ key }, areKeysLent) {
  return BROWSER_KEYS.has(key) || (key === "F11" && !areKeysLent);
}

/** Keys that change what others mean, as long as they are held or as locks. */
const MODIFIER_KEYS = new Set(["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "NumLock", "ScrollLock"]);

/** @param {{key: string}} stroke */
export function isModifierKey({ key }) {
  return MODIFIER_KEYS.has(key);
}

/**
 * Whether the browser says that an input method has the stroke.
 * @param {{key: string, keyCode: number}} event
 */
export function isTaken({ key, keyCode }) {
  return keyCode === 229 || key === "Process";
}

/** Whether the key waits for others to make a character with. @param {{key: string}} stroke */
export function isDead({ key }) {
  return key === "Dead" || key === "Compose";
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
  // Chromium says U+0000 for what it has no text for; the place is known all the same.
  const text = stroke.key === "Unidentified" || stroke.key.length > 32 || stroke.key < " " ? "" : stroke.key;
  const code = stroke.code.length > 32 ? "" : stroke.code;
  return { message: "KEY", down, modifiers: modifiersOf(stroke), locks: locksOf(stroke), code, text };
}

/**
 * Whether the key has a name rather than a text, such as Enter or F5. A text may be longer than a character: an Arabic
 * ligature, or a dead key with a letter that it does not go with.
 * @param {{key: string}} stroke
 */
export function isNamed({ key }) {
  return /^[A-Z][A-Za-z0-9]+$/.test(key);
}

/**
 * Whether the stroke types something, rather than being a shortcut or a key with a name.
 * @param {Stroke} stroke
 */
export function isText(stroke) {
  const isShortcut = (stroke.ctrlKey || stroke.altKey || stroke.metaKey) && !stroke.getModifierState("AltGraph");
  return !isShortcut && !isNamed(stroke) && stroke.key >= " ";
}

/**
 * The letter that a shortcut means: a letter of another script means the one printed beside it, at its place.
 * @param {{key: string, code: string}} stroke
 */
function shortcutLetter({ key, code }) {
  if (isNamed({ key }) || !/^Key[A-Z]$/.test(code)) return key.toLowerCase();
  return /^\p{L}$/u.test(key) && !/\p{Script=Latin}/u.test(key) ? code[3].toLowerCase() : key.toLowerCase();
}

/**
 * Strokes that paste in one application or another, and for which browsers fire a paste event.
 * @param {Stroke} stroke
 */
export function isPaste(stroke) {
  const { key, ctrlKey, metaKey, altKey, shiftKey } = stroke;
  if (key === "Paste") return true;
  if (key === "Insert") return shiftKey && !ctrlKey && !altKey;
  return shortcutLetter(stroke) === "v" && (ctrlKey || metaKey) && !altKey;
}

/** @param {Stroke} stroke */
export function isCopy(stroke) {
  const { key, ctrlKey, metaKey, altKey } = stroke;
  if (key === "Copy" || key === "Cut") return true;
  if (key === "Insert") return ctrlKey;
  return ["c", "x"].includes(shortcutLetter(stroke)) && (ctrlKey || metaKey) && !altKey;
}

/**
 * On a Mac, Option makes characters as AltGr does elsewhere, though browsers call it Alt.
 * @param {Stroke} stroke
 */
export function isOptionText(stroke) {
  return stroke.altKey && !stroke.ctrlKey && !stroke.metaKey && !isNamed(stroke);
}

/** Macs copy and paste with Command where the application's desktop has Control. */
const COMMAND_CHORDS = new Set(["a", "c", "f", "n", "o", "p", "s", "v", "x", "y", "z"]);

/** @param {Stroke} stroke */
export function isCommandChord(stroke) {
  return stroke.metaKey && !stroke.ctrlKey && !stroke.altKey && COMMAND_CHORDS.has(shortcutLetter(stroke));
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
