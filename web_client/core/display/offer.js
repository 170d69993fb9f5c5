/**
 * What this page says it draws (CAPABILITIES). Which videos it decodes a worker finds out in the background, once for all
 * sessions of the page; a codec that fails under way is left out at once, and offered again when it passes another probe.
 */

import { DRAWN } from "./tiles.js";
import { VIDEO } from "../protocol/operations.js";

/** @typedef {import("../protocol/messages.js").Capabilities} Capabilities */

const ALL = Object.values(VIDEO).reduce((all, bit) => all | bit, 0);
/** Browsers take decoders from pages that are not looked at; one that fails every time is not worth a fourth look. */
const PROBED_AGAIN_AFTER_MS = [5_000, 30_000, 180_000];

/** `change` is told when other capabilities are to be sent. */
export class Offer extends EventTarget {
  #video = 0;
  #isAnswered = false;
  /** How often each codec has failed. @type {Map<number, number>} */
  #losses = new Map();
  /** Another object when it changes. @type {Capabilities} */
  capabilities = this.#message();

  /** Learns from a worker for as long as it lives. @param {Worker} worker */
  learnFrom(worker) {
    worker.addEventListener("message", ({ data }) => {
      if (data.probed) this.#found(data.video, data.probed);
    });
    // A worker may end before it has answered: the next one is asked as well.
    if (!this.#isAnswered) worker.postMessage({ probe: ALL });
  }

  /**
   * @param {number} bit of the codec whose decoder failed
   * @param {Worker} worker that is to try it again
   */
  lost(bit, worker) {
    if ((this.#video & bit) === 0) return;
    this.#set(this.#video & ~bit);
    const losses = this.#losses.get(bit) ?? 0;
    this.#losses.set(bit, losses + 1);
    const wait = PROBED_AGAIN_AFTER_MS[losses];
    if (wait !== undefined) setTimeout(() => worker.postMessage({ probe: bit }), wait);
  }

  /**
   * @param {number} video of those that were probed, the good ones
   * @param {number} probed
   */
  #found(video, probed) {
    this.#isAnswered = true;
    this.#set((this.#video & ~probed) | video);
  }

  /** @param {number} video */
  #set(video) {
    if (video === this.#video) return;
    this.#video = video;
    this.capabilities = this.#message();
    this.dispatchEvent(new Event("change"));
  }

  /** @returns {Capabilities} */
  #message() {
    return { message: "CAPABILITIES", operations: DRAWN, video: this.#video };
  }
}

/** The page's. */
export const offer = new Offer();
