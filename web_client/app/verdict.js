/** What the figures of a session come to, as one sentence: what is slow, if anything is. Pure. */

import { LIMIT } from "../core/protocol/messages.js";
import { t } from "./strings.js";

/** @typedef {import("../core/quality_watch.js").View} View */

/** From key to picture: below the first nobody notices it, above the second everybody does. */
const LOCAL_MS = 60;
const SLOW_MS = 120;
const FAR_MS = 100;
const QUEUE_MS = 60;
const BUSY_LOAD_PERCENT = 150;
const BUSY_ENCODING_MS = 40;
const SLOW_DRAWING_MS = 30;
/** Less than this of its quality is seen. */
const FULL_PERCENT = 80;

/** The way to the host and back: by the worker's own figures, which are newer, else by ours. @param {View} view */
export function networkMs({ worker, networkMs }) {
  return worker !== null && worker.roundTripUs > 0 ? worker.roundTripUs / 1000 : networkMs;
}

/** @param {View} view */
export function verdict(view) {
  const { echoMedianMs } = view;
  const isWhole = view.worker === null || view.worker.qualityPercent >= FULL_PERCENT;
  if (echoMedianMs !== null && echoMedianMs <= LOCAL_MS && isWhole) return t("quality.local");
  const cause = causeOf(view);
  if (cause !== null) return cause;
  if (echoMedianMs === null) return t(networkMs(view) === null ? "quality.waiting" : "quality.unmeasured");
  return echoMedianMs <= SLOW_MS ? t("quality.good") : t("quality.application", { ms: Math.round(echoMedianMs) });
}

/** @param {View} view */
function causeOf(view) {
  return networkCause(view) ?? hostCause(view) ?? clientCause(view);
}

/** @param {View} view */
function networkCause(view) {
  const { worker } = view;
  const ms = networkMs(view) ?? 0;
  const isNarrow = worker !== null && (worker.limit === LIMIT.NETWORK || worker.queueingUs / 1000 >= QUEUE_MS);
  if (isNarrow) return t("quality.narrow", { percent: worker.qualityPercent });
  return ms >= FAR_MS ? t("quality.far", { ms: Math.round(ms) }) : null;
}

/** @param {View} view */
function hostCause({ worker }) {
  if (worker === null) return null;
  const isBusy = worker.hostLoadPercent >= BUSY_LOAD_PERCENT || worker.encodingUs / 1000 >= BUSY_ENCODING_MS;
  return isBusy || worker.limit === LIMIT.HOST ? t("quality.host.busy", { percent: worker.hostLoadPercent }) : null;
}

/** @param {View} view */
function clientCause({ worker, drawMs }) {
  const isSlow = drawMs !== null && drawMs >= SLOW_DRAWING_MS;
  return isSlow || worker?.limit === LIMIT.CLIENT ? t("quality.client", { ms: Math.round(drawMs ?? 0) }) : null;
}
