/** How a stream is, in a word: what its user would say of it, and what holds it up. */

import { badge } from "../cells.js";
import { STRINGS, t } from "../strings.js";

/** @typedef {{echo_median_ms: number, echo_p95_ms: number, round_trip_ms: number, frames_per_second: number, bytes_per_second: number,
 *   encoding_ms: number, quality: number, encoder: string, limit: string}} Stream */

/** As the broker judges (portcullis/model/stream_figures.py). */
const BAD_ECHO_MS = 150;
const BAD_QUALITY = 40;

/** @param {any} stream */
function isBad({ limit, echo_p95_ms: echo, quality }) {
  return limit !== "none" && (echo > BAD_ECHO_MS || quality < BAD_QUALITY);
}

/** @param {any} stream null: nobody looks at it */
export function streamText(stream) {
  if (stream === null || stream === undefined) return t("stream.unseen");
  const limit = STRINGS[`stream.limit.${stream.limit}`] ?? stream.limit;
  return isBad(stream) ? t("stream.bad", { limit }) : t("stream.good");
}

/** @param {any} stream */
export function streamBadge(stream) {
  if (stream === null || stream === undefined) return badge("off", streamText(stream));
  return badge(isBad(stream) ? "bad" : "ok", streamText(stream));
}

/** @param {any} stream @returns {[string, string][]} */
export function streamFacts(stream) {
  if (stream === null || stream === undefined) return [];
  const { echo_median_ms: median, echo_p95_ms: p95, round_trip_ms: way, frames_per_second: frames, bytes_per_second: bytes, encoding_ms: encoding } = stream;
  const ms = (/** @type {number} */ value) => t("stream.ms", { value: Math.round(value) });
  return [
    [t("stream.echo"), p95 > 0 ? t("stream.echo.value", { median: ms(median), p95: ms(p95) }) : t("stream.notyped")],
    [t("stream.way"), ms(way)],
    [t("stream.frames"), t("stream.persecond", { value: frames.toFixed(1) })],
    [t("stream.bandwidth"), t("stream.kilobits", { value: Math.round(bytes * 8 / 1000).toLocaleString() })],
    [t("stream.encoding"), ms(encoding)],
    [t("stream.quality"), t("stream.percent", { value: stream.quality })],
    [t("stream.encoder"), stream.encoder],
    [t("stream.limit"), STRINGS[`stream.limit.${stream.limit}`] ?? stream.limit],
  ];
}
