/**
 * Input that the application may not have seen yet: numbered once, kept until it was applied, sent again on resume.
 *
 * No I/O. At most `LIMIT` messages are kept (docs/protocol.md 1.3). While the connection is away, movements replace
 * each other and whatever exceeds the limit is refused, newest first, so that what arrives later is a true beginning.
 * What was never sent survives even a new epoch.
 */

/** @typedef {import("../protocol/messages.js").Input} Input */
/** @typedef {import("../protocol/messages.js").NumberedInput} NumberedInput */

export const LIMIT = 4096;

export class Outbox {
  /** @type {NumberedInput[]} */
  #kept = [];
  #sequence = 0;
  /** Nobody can have applied what comes after it. */
  #lastSent = 0;
  #incomplete = false;

  /** Of the newest. */
  get sequence() {
    return this.#sequence;
  }

  get size() {
    return this.#kept.length;
  }

  /**
   * Numbers input that is sent right away.
   * @param {Input} input
   */
  add(input) {
    const numbered = this.#keep(input);
    this.#lastSent = numbered.sequence;
    return numbered;
  }

  /**
   * @param {Input} input
   * @returns {NumberedInput}
   */
  #keep(input) {
    const numbered = { ...input, sequence: ++this.#sequence };
    this.#kept.push(numbered);
    if (this.#kept.length > LIMIT) {
      this.#kept.shift();
      this.#incomplete = true;
    }
    return numbered;
  }

  /**
   * Keeps input for the resume. False if there is no room.
   * @param {Input} input
   */
  addWhileAway(input) {
    const last = this.#kept.at(-1);
    const isUnsent = last !== undefined && last.sequence > this.#lastSent;
    if (isUnsent && input.message === "POINTER" && last.message === "POINTER" && last.buttons === input.buttons) {
      Object.assign(last, input);
      return true;
    }
    if (this.#kept.length === LIMIT) {
      this.#incomplete = true;
      return false;
    }
    this.#keep(input);
    return true;
  }

  /** @param {number} last sequence that was applied; everything up to it is done */
  acknowledge(last) {
    let done = 0;
    while (done < this.#kept.length && this.#kept[done].sequence <= last) done++;
    this.#kept.splice(0, done);
    if (this.#kept.length === 0) this.#incomplete = false;
  }

  /**
   * What is to be sent again after a resume. If some input is lost, nothing stays pressed.
   * @param {number} last sequence that was applied
   * @returns {NumberedInput[]}
   */
  resume(last) {
    this.acknowledge(last);
    const again = [...this.#kept];
    if (this.#incomplete) again.push(this.add({ message: "RELEASE_ALL" }));
    this.#incomplete = false;
    this.#lastSent = this.#sequence;
    return again;
  }

  /**
   * A new epoch counts from 0 again. Nobody knows what of the input that was sent was applied, so none of that is
   * repeated; what was not sent yet follows, after everything was released.
   */
  restart() {
    const unsent = this.#kept.filter(({ sequence }) => sequence > this.#lastSent);
    const isCut = unsent.length < this.#kept.length;
    this.#kept = [];
    this.#sequence = 0;
    this.#lastSent = 0;
    if (isCut && unsent.length) this.#keep({ message: "RELEASE_ALL" });
    for (const input of unsent) this.#keep(input);
  }
}
