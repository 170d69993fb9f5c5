/**
 * Modifiers that are held without a key: for one key, or until they are let go. For screens without a keyboard, and for
 * keys that the browser keeps for itself. Pure.
 *
 * What is held goes into the flags of every input, which is what the application's modifiers follow (docs/protocol.md 1.3).
 */

import { MODIFIER } from "../protocol/messages.js";

/** @typedef {import("../protocol/messages.js").Input} Input */
/** @typedef {import("../protocol/messages.js").Key} Key */
/** @typedef {"Control" | "Alt" | "Shift" | "Meta" | "AltGraph"} Modifier */
/** @typedef {"off" | "once" | "held"} Hold */
/** A key that no keyboard sends. @typedef {{text: string, code: string}} PlainKey */

/** @type {Record<Modifier, {bit: number, code: string}>} */
const KEYS = {
  Control: { bit: MODIFIER.CONTROL, code: "ControlLeft" },
  Alt: { bit: MODIFIER.ALT, code: "AltLeft" },
  Shift: { bit: MODIFIER.SHIFT, code: "ShiftLeft" },
  Meta: { bit: MODIFIER.META, code: "MetaLeft" },
  AltGraph: { bit: MODIFIER.ALT_GRAPH, code: "AltRight" },
};
/** @type {Record<Hold, Hold>} */
const NEXT = { off: "once", once: "held", held: "off" };

export class StickyModifiers {
  /** @type {Map<Modifier, Hold>} */
  #holds = new Map();
  /** A button went down under a modifier that is for one key. */
  #isPressing = false;

  /** @param {Modifier} modifier @returns {Hold} */
  stateOf(modifier) {
    return this.#holds.get(modifier) ?? "off";
  }

  /**
   * Off, for one key, until it is let go, off.
   * @param {Modifier} modifier
   * @returns {Input[]} what to send
   */
  cycle(modifier) {
    const hold = NEXT[this.stateOf(modifier)];
    this.#holds.set(modifier, hold);
    return hold === "held" ? [] : [this.#keyOf(modifier, hold === "once")];
  }

  /**
   * Input as it is to be sent while modifiers are held.
   * @param {Input} input
   * @returns {Input[]}
   */
  apply(input) {
    const bits = this.#bits();
    if (input.message === "RELEASE_ALL") this.#holds.clear();
    if (bits === 0 || input.message === "RELEASE_ALL") return [input];
    if (input.message === "TEXT") return this.#applyText(input, bits);
    const applied = { ...input, modifiers: input.modifiers | bits };
    if (applied.message === "KEY") applied.text = changed(applied, bits);
    if (input.message === "KEY" && !(input.text in KEYS) && !input.down) return [applied, ...this.#letGo()];
    if (input.message !== "POINTER") return [applied];
    const wasPressing = this.#isPressing;
    this.#isPressing = input.buttons !== 0;
    return wasPressing && !this.#isPressing ? [applied, ...this.#letGo()] : [applied];
  }

  /**
   * Text of one character is a key with modifiers; longer text was meant as text.
   * @param {{message: "TEXT", text: string}} input
   * @param {number} modifiers
   * @returns {Input[]}
   */
  #applyText(input, modifiers) {
    if (Array.from(input.text).length !== 1) return [...this.#letGo(), input];
    const key = { text: input.text, code: codeOf(input.text) };
    return [...stroke({ ...key, text: changed(key, modifiers) }, modifiers), ...this.#letGo()];
  }

  /** The modifiers that were for one key. @returns {Input[]} */
  #letGo() {
    const done = [...this.#holds].filter(([, hold]) => hold === "once").map(([modifier]) => modifier);
    return done.map((modifier) => {
      this.#holds.delete(modifier);
      return this.#keyOf(modifier, false);
    });
  }

  /**
   * @param {Modifier} modifier
   * @param {boolean} down
   */
  #keyOf(modifier, down) {
    return keyInput({ text: modifier, code: KEYS[modifier].code }, down, this.#bits());
  }

  #bits() {
    let bits = 0;
    for (const [modifier, hold] of this.#holds) if (hold !== "off") bits |= KEYS[modifier].bit;
    return bits;
  }
}

/**
 * A chord as a keyboard sends it: modifiers down, the key, modifiers up in the other order.
 * @param {Modifier[]} modifiers
 * @param {PlainKey} key
 * @returns {Input[]}
 */
export function chordInputs(modifiers, key) {
  let bits = 0;
  const downs = modifiers.map((modifier) => {
    bits |= KEYS[modifier].bit;
    return keyInput({ text: modifier, code: KEYS[modifier].code }, true, bits);
  });
  const strokes = stroke(key, bits);
  const ups = modifiers.toReversed().map((modifier) => {
    bits &= ~KEYS[modifier].bit;
    return keyInput({ text: modifier, code: KEYS[modifier].code }, false, bits);
  });
  return [...downs, ...strokes, ...ups];
}

/**
 * @param {PlainKey} key
 * @param {number} modifiers
 * @returns {Key[]}
 */
function stroke(key, modifiers) {
  return [keyInput(key, true, modifiers), keyInput(key, false, modifiers)];
}

/**
 * @param {PlainKey} key
 * @param {boolean} down
 * @param {number} modifiers
 * @returns {Key}
 */
function keyInput({ text, code }, down, modifiers) {
  return { message: "KEY", down, modifiers, locks: 0, code, text };
}

/**
 * What a key gives with modifiers that the keyboard which sent it did not know of. Shift makes a letter large; what AltGr
 * makes of it the application's layout knows, by the key's place.
 * @param {PlainKey} key
 * @param {number} modifiers
 */
function changed({ text, code }, modifiers) {
  if (Array.from(text).length !== 1) return text;
  if (modifiers & MODIFIER.ALT_GRAPH && code !== "") return "";
  return modifiers === MODIFIER.SHIFT ? text.toUpperCase() : text;
}

/** Where a character lies on most keyboards: the application's layout decides, this only helps it. @param {string} text */
function codeOf(text) {
  if (/^[a-z]$/i.test(text)) return `Key${text.toUpperCase()}`;
  return /^[0-9]$/.test(text) ? `Digit${text}` : "";
}
