/** The named stages of a launch, ticked off as they happen. */

import { h } from "../ui/dom.js";
import { iconOf } from "../ui/icon.js";
import { ordinal, t } from "./strings.js";

/** Twice what a launch takes on a busy host. */
const SLOW_MS = 10_000;

/** What comes of them where nothing is started: somebody is asked. */
const AT_A_DESKTOP = new Set(["display", "application", "window"]);

export const STAGES = /** @type {const} */ (["placed", "accepted", "display", "application", "window", "ready"]);

export class LaunchPanel {
  /** @type {Map<string, {item: HTMLElement, name: HTMLElement, state: HTMLElement}>} */
  #steps = new Map();
  #detail = h("p", { class: "hint", role: "status" });
  #timer = 0;

  /**
   * @param {{name: string, icon: string | null, desktop?: {asks: boolean} | null}} application
   * @param {object} parts
   * @param {boolean} parts.returning
   * @param {() => void} parts.cancel
   */
  constructor(application, { returning, cancel }) {
    const title = t(returning ? "launch.returning" : "launch.title", { name: application.name });
    const stages = h("ol", { class: "stages" }, ...STAGES.map((stage) => this.#step(stage, application.desktop && AT_A_DESKTOP.has(stage) ? `stage.desktop.${stage}` : `stage.${stage}`)));
    const hint = t(matchMedia("(pointer: coarse)").matches ? "launch.hint.touch" : "launch.hint", { keys: t("toolbar.keys") });
    this.element = h("section", { class: "card panel launch" },
      h("div", { class: "heading" }, iconOf(application), h("h1", { tabindex: "-1" }, title)),
      h("div", { role: "status", "aria-atomic": "false" }, stages),
      this.#detail,
      h("p", { class: "hint" }, hint),
      h("button", { type: "button", class: "quiet", click: cancel }, t("launch.cancel")));
    this.reached(null);
  }

  /**
   * Everything up to this stage is done; the next one is in progress. The last one is done when there is a picture.
   * @param {string | null} stage null: none yet
   * @param {number} [position] in the line for a place (1: the next); 0: it has one
   */
  reached(stage, position = 0) {
    this.#place(position);
    if (position > 0) return this.#show(-1);
    this.explain("");
    const slow = t(stage === null ? "launch.slow.asking" : "launch.slow");
    this.#timer = setTimeout(() => this.explain(slow), SLOW_MS);
    this.#show(Math.min(STAGES.findIndex((each) => each === stage), STAGES.length - 2));
  }

  /** @param {number} position */
  #place(position) {
    const place = this.#steps.get(STAGES[0]);
    const text = position === 0 ? t("stage.placed")
      : position === 1 ? t("launch.queue.next") : t("launch.queue", { nth: ordinal(position) });
    if (place !== undefined && place.name.textContent !== text) place.name.textContent = text;
    if (position > 0) this.explain(t("launch.queue.detail"));
  }

  /** @param {number} done index of the last stage that is done */
  #show(done) {
    STAGES.forEach((each, index) => this.#mark(each, index <= done ? "done" : index === done + 1 ? "now" : "later"));
  }

  /** @param {string} text why it takes longer */
  explain(text) {
    clearTimeout(this.#timer);
    this.#detail.textContent = text;
  }

  /** The heading, no button: the Enter that launched may still be held. */
  focus() {
    this.element.querySelector("h1")?.focus();
  }

  stop() {
    clearTimeout(this.#timer);
  }

  /**
   * @param {string} stage
   * @param {string} text its key
   */
  #step(stage, text) {
    const state = h("span", { class: "visually-hidden" });
    const name = h("span", {}, t(text));
    const item = h("li", {}, h("span", { class: "mark", "aria-hidden": "true" }), name, " ", state);
    this.#steps.set(stage, { item, name, state });
    return item;
  }

  /**
   * @param {string} stage
   * @param {"done" | "now" | "later"} mark
   */
  #mark(stage, mark) {
    const step = this.#steps.get(stage);
    if (step === undefined || step.item.className === mark) return;
    step.item.className = mark;
    step.state.textContent = mark === "later" ? "" : t(`launch.${mark}`);
  }
}
