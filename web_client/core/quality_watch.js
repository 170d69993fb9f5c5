/**
 * The figures of a session: to the worker every ten seconds, to whoever watches every second.
 *
 * The worker tells its own part only while somebody watches (WATCH_QUALITY); one of an older version tells none. Owns the
 * timers; what is measured is figures.js's.
 */

import { ECHO_WINDOW_MS, Figures, quantile, ratesBetween } from "./figures.js";
import { FEATURE } from "./protocol/messages.js";

/** @typedef {import("./protocol/messages.js").Message} Message */
/** @typedef {import("./protocol/messages.js").Quality} Quality */
/**
 * Times in ms; null: not known.
 * @typedef {object} View
 * @property {number | null} echoMedianMs input to pixel, of the last ten seconds
 * @property {number | null} echoWorstMs
 * @property {number | null} echoNowMs of the last second
 * @property {number | null} networkMs there and back
 * @property {number} framesPerSecond of the last second
 * @property {number} bytesPerSecond
 * @property {number | null} drawMs from a picture's arrival to the screen
 * @property {Omit<Quality, "message"> | null} worker what the worker tells
 */

export const REPORT_MS = 10_000;
export const WATCH_MS = 1000;
/** The worker tells each second; what is older says nothing of now. */
const STALE_MS = 3500;
const LARGEST = 2 ** 32 - 1;

export class QualityWatch {
  figures = new Figures();
  #send;
  #receivedBytes;
  #show;
  #tellsQuality = false;
  #isWatched = false;
  #isVisible = true;
  #reportTimer = 0;
  #watchTimer = 0;
  #reported = this.figures.totals(performance.now(), 0);
  #shown = this.#reported;
  /** @type {{quality: Quality, at: number} | null} */
  #newest = null;

  /**
   * @param {object} parts
   * @param {(message: Message) => void} parts.send forgets what cannot be sent now
   * @param {() => number} parts.receivedBytes so far
   * @param {(view: View) => void} parts.show
   */
  constructor({ send, receivedBytes, show }) {
    this.#send = send;
    this.#receivedBytes = receivedBytes;
    this.#show = show;
  }

  /** Attached anew: what this worker can do it tells behind. */
  attached() {
    this.#tellsQuality = false;
    this.#newest = null;
    this.figures.restart();
    this.#reportLater();
  }

  /** @param {number} features of FEATURES */
  learn(features) {
    this.#tellsQuality = (features & FEATURE.QUALITY) !== 0;
    if (this.#tellsQuality && this.#isWatched) this.#send({ message: "WATCH_QUALITY", on: true });
  }

  /** @param {Quality} quality */
  told(quality) {
    this.#newest = { quality, at: performance.now() };
  }

  /** @param {boolean} on */
  watch(on) {
    if (on === this.#isWatched) return;
    this.#isWatched = on;
    this.#newest = null;
    clearInterval(this.#watchTimer);
    if (this.#tellsQuality) this.#send({ message: "WATCH_QUALITY", on });
    if (!on) return;
    this.#shown = this.#totals();
    this.#watchTimer = setInterval(() => this.#tick(), WATCH_MS);
  }

  /** A hidden view gets no pictures: nothing to report. @param {boolean} visible */
  setVisible(visible) {
    this.#isVisible = visible;
    this.#reportLater();
  }

  stop() {
    clearInterval(this.#watchTimer);
    clearInterval(this.#reportTimer);
  }

  #reportLater() {
    clearInterval(this.#reportTimer);
    this.#reported = this.#totals();
    if (this.#isVisible) this.#reportTimer = setInterval(() => this.#report(), REPORT_MS);
  }

  #report() {
    const totals = this.#totals();
    const from = this.#reported;
    this.#reported = totals;
    if (!this.#tellsQuality) return;
    const echoes = this.figures.echoes(from.at);
    const { drawMs } = ratesBetween(from, totals);
    this.#send({
      message: "VIEW_REPORT",
      milliseconds: bounded(totals.at - from.at),
      frames: bounded(totals.frames - from.frames),
      receivedBytes: bounded(totals.bytes - from.bytes),
      echoMedianUs: bounded((quantile(echoes, 0.5) ?? 0) * 1000),
      echoP95Us: bounded((quantile(echoes, 0.95) ?? 0) * 1000),
      drawingUs: bounded((drawMs ?? 0) * 1000),
    });
  }

  #tick() {
    const totals = this.#totals();
    const from = this.#shown;
    this.#shown = totals;
    const echoes = this.figures.echoes(totals.at - ECHO_WINDOW_MS);
    this.#show({
      echoMedianMs: quantile(echoes, 0.5),
      echoWorstMs: echoes.at(-1) ?? null,
      echoNowMs: quantile(this.figures.echoes(from.at), 0.5),
      networkMs: quantile(this.figures.answers(totals.at - ECHO_WINDOW_MS), 0.5),
      ...ratesBetween(from, totals),
      worker: this.#newest !== null && totals.at - this.#newest.at < STALE_MS ? this.#newest.quality : null,
    });
  }

  #totals() {
    return this.figures.totals(performance.now(), this.#receivedBytes());
  }
}

/** @param {number} value */
function bounded(value) {
  return Math.max(0, Math.min(LARGEST, Math.round(value)));
}
