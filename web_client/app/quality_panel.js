/**
 * How good a session is at the moment, live while it is open: a sentence, the figures behind it, and both as text for the
 * help desk. Closed, it costs nothing: nobody measures for it.
 */

import { copyButton } from "../ui/copy_button.js";
import { h } from "../ui/dom.js";
import { keepFocus } from "../ui/keep_focus.js";
import { Sparkline } from "../ui/sparkline.js";
import { t } from "./strings.js";
import { networkMs, verdict } from "./verdict.js";

/** @typedef {import("../core/quality_watch.js").View} View */

const SPARKS = 60;
/** The height of the sparkline, unless something is slower. */
const SPARK_MS = 100;
const ROWS = /** @type {const} */ (["echo", "frames", "bandwidth", "network", "encoder", "quality", "display", "drawing", "host"]);
/** What an older worker does not tell is not shown. */
const OF_THE_WORKER = new Set(["encoder", "quality", "host"]);

/** Strokes that show and hide it. @param {{code: string, ctrlKey: boolean, altKey: boolean, shiftKey: boolean}} event */
export function isQualityShortcut({ code, ctrlKey, altKey, shiftKey }) {
  return code === "Home" && ctrlKey && altKey && shiftKey;
}

export class QualityPanel {
  #parts;
  #verdict = h("p", { class: "verdict", role: "status" }, t("quality.waiting"));
  /** @type {Map<string, HTMLElement>} */
  #values = new Map();
  /** @type {Map<string, HTMLElement>} */
  #rows = new Map();
  #sparkline = new Sparkline(SPARKS, SPARK_MS);
  /** @type {View | null} */
  #view = null;

  /**
   * @param {object} parts
   * @param {string} parts.name of the application
   * @param {() => string} parts.reference of the launch, "" if it is not known
   * @param {() => {width: number, height: number}} parts.size of the display
   * @param {() => void} parts.close
   * @param {() => void} parts.leave gives the keyboard back to the application
   */
  constructor(parts) {
    this.#parts = parts;
    const labels = { copy: t("quality.copy"), copied: t("copied"), failed: t("copy.failed") };
    const attributes = { class: "quality card", "aria-label": t("quality.title"), hidden: true };
    this.element = h("section", { ...attributes, keydown: (/** @type {KeyboardEvent} */ event) => this.#key(event) },
      this.#verdict,
      this.#sparkline.element,
      h("dl", {}, ...ROWS.map((row) => this.#row(row))),
      h("div", { class: "buttons" },
        keepFocus(copyButton(() => this.text(), labels)),
        keepFocus(h("button", { type: "button", class: "quiet", click: () => this.#otherSide() }, t("quality.move"))),
        keepFocus(h("button", { type: "button", class: "quiet", click: () => this.#close() }, t("quality.close")))));
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** @param {boolean} open */
  show(open) {
    this.element.hidden = !open;
  }

  /** @param {View} view */
  update(view) {
    this.#view = view;
    const text = verdict(view);
    // A screen reader says it when it changes, not each second.
    if (this.#verdict.textContent !== text) this.#verdict.textContent = text;
    for (const row of ROWS) {
      this.#fill(row, this.#valueOf(row, view));
      const line = this.#rows.get(row);
      if (line) line.hidden = view.worker === null && OF_THE_WORKER.has(row);
    }
    this.#sparkline.add(view.echoNowMs, t("quality.sparkline", { worst: milliseconds(view.echoWorstMs) }));
  }

  /** For the help desk: what is shown, what it belongs to, and nothing about the person. */
  text() {
    const { name, reference } = this.#parts;
    const view = this.#view;
    const shown = ROWS.filter((row) => !this.#rows.get(row)?.hidden);
    const lines = view === null ? [] : shown.map((row) => `${t(`quality.${row}`)}: ${this.#valueOf(row, view)}`);
    return [
      `${t("product")}: ${name}`,
      `${t("failure.reference")}: ${reference() || t("quality.unknown")}`,
      `${t("quality.time")}: ${new Date().toISOString()}`,
      this.#verdict.textContent,
      ...lines,
      `${t("quality.browser")}: ${navigator.userAgent}`,
      `${t("quality.view")}: ${innerWidth} × ${innerHeight}, ${devicePixelRatio}`,
      "",
    ].join("\n");
  }

  /** @param {string} row */
  #row(row) {
    const value = h("dd", {}, t("quality.unknown"));
    const line = h("div", {}, h("dt", {}, t(`quality.${row}`)), value);
    this.#values.set(row, value);
    this.#rows.set(row, line);
    return line;
  }

  /**
   * @param {string} row
   * @param {string} text
   */
  #fill(row, text) {
    const value = this.#values.get(row);
    if (value && value.textContent !== text) value.textContent = text;
  }

  /**
   * @param {typeof ROWS[number]} row
   * @param {View} view
   */
  #valueOf(row, view) {
    const { worker } = view;
    switch (row) {
      case "echo": return view.echoMedianMs === null ? t("quality.noinput")
        : t("quality.echo.value", { median: milliseconds(view.echoMedianMs), worst: milliseconds(view.echoWorstMs) });
      case "frames": return t("quality.frames.value", { frames: Math.round(view.framesPerSecond) });
      case "bandwidth": return bits(view.bytesPerSecond * 8);
      case "network": return worker !== null && worker.queueingUs >= 1000
        ? t("quality.network.value", { way: milliseconds(networkMs(view)), queueing: milliseconds(worker.queueingUs / 1000) })
        : milliseconds(networkMs(view));
      case "encoder": return worker?.encoder || t("quality.unknown");
      case "quality": return worker === null ? t("quality.unknown") : t("quality.percent", { percent: worker.qualityPercent });
      case "display": return t("quality.display.value", this.#parts.size());
      case "drawing": return milliseconds(view.drawMs);
      case "host": return worker === null ? t("quality.unknown") : t("quality.host.value", {
        load: worker.hostLoadPercent, encoding: milliseconds(worker.encodingUs / 1000) });
    }
  }

  /** Whatever it covers, the other side does not. */
  #otherSide() {
    this.element.classList.toggle("left");
  }

  #close() {
    this.#parts.close();
    this.#parts.leave();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (isQualityShortcut(event)) this.#close();
    else if (event.key === "Escape") this.#parts.leave();
    else return;
    event.preventDefault();
  }
}

/** @param {number | null} value */
function milliseconds(value) {
  if (value === null) return t("quality.unknown");
  return t("quality.ms", { ms: value < 10 ? value.toFixed(1) : Math.round(value) });
}

/** @param {number} perSecond */
function bits(perSecond) {
  if (perSecond >= 999_500) return t("quality.megabits", { value: (perSecond / 1e6).toFixed(1) });
  return t("quality.kilobits", { value: Math.round(perSecond / 1000) });
}
