/**
 * The walk-through of a launch, simulated or kept: `render(simulation)` draws it and plays its steps in order.
 *
 * Every step is a disclosure: Enter and Space open it, arrows go from step to step. Screen readers hear the verdict once,
 * when it stands. Who asks for less motion sees everything at once.
 */

import { copyButton } from "../ui/copy_button.js";
import { h } from "../ui/dom.js";
import { hostList } from "./host_list.js";
import { prose } from "./prose.js";
import { STRINGS, t } from "./strings.js";
import {
  objectAddress, asText, decidingStep, kindOf, nameOf, pauses, rankedHosts, stagesOf, timeText, verdictOf, waterfall,
} from "./walkthrough_rules.js";

/** @typedef {import("./walkthrough_rules.js").Simulation} Simulation */
/** @typedef {import("./walkthrough_rules.js").Step} Step */
/** @typedef {import("./walkthrough_rules.js").Stage} Stage */

/** Parts that are told in one line. */
const FEW = 2;
let count = 0;

/**
 * @param {Simulation} simulation
 * @param {object} [options]
 * @param {"would" | "did"} [options.tense] whether it is told of what would happen, or of what did
 * @param {boolean} [options.plays] false: everything at once
 * @param {(address: string) => boolean} [options.mayOpen] whether the reader may see the screen at this address
 * @param {"h2" | "h4"} [options.level] of its heading
 */
export function render(simulation, { tense = "would", plays = true, mayOpen = () => true, level = "h2" } = {}) {
  const verdict = verdictOf(simulation);
  const title = t(`walk.${tense}.${verdict}`, { user: simulation.user, application: simulation.application });
  const stages = stagesOf(simulation.steps);
  const bars = waterfall(stages);
  const link = (/** @type {string} */ object, code = "") => objectLink(object, code, mayOpen);
  const id = `walk-${++count}`;
  const items = stages.map((stage, index) => stageItem(stage, bars[index], simulation, link));
  const list = h("ol", { class: "walk-steps", keydown: moveAmong }, ...items);
  const head = h("div", { class: "walk-verdict", role: "status", id });
  const again = h("button", { type: "button" }, t("walk.again"));
  const skip = h("button", { type: "button", hidden: true }, t("walk.skip"));
  const text = () => asText(simulation, {
    title, step: stepName, origin: originOf(simulation), remedy: simulation.remedy ? t("walk.remedy", { text: simulation.remedy }) : "",
  });
  const element = h("section", { class: "walkthrough", "aria-labelledby": id, "data-verdict": verdict },
    head,
    h("div", { class: "walk-acts buttons" }, stages.length > 1 && again, skip,
      openAll(list),
      copyButton(text, { copy: t("walk.copy"), copied: t("walk.copied"), failed: t("walk.copy.failed") }),
      h("span", { class: "walk-total muted" }, totalText(stages))),
    list);
  const player = new Player(element, items, pauses(stages), () => head.replaceChildren(...verdictParts(simulation, h(level, {}, h("bdi", {}, title)), verdict, link)));
  again.addEventListener("click", () => player.play());
  skip.addEventListener("click", () => player.end());
  player.buttons = { again, skip };
  if (plays && !matchMedia("(prefers-reduced-motion: reduce)").matches) player.play();
  else player.end();
  return element;
}

/** Shows the stages one after another, then the verdict; ends by itself when its element is gone. */
class Player {
  #timer = 0;
  #element;
  #items;
  #pauses;
  #conclude;
  #isConcluded = false;
  /** @type {{again: HTMLElement, skip: HTMLElement} | null} */
  buttons = null;

  /**
   * @param {HTMLElement} element
   * @param {HTMLElement[]} items
   * @param {number[]} pauses
   * @param {() => void} conclude
   */
  constructor(element, items, pauses, conclude) {
    this.#element = element;
    this.#items = items;
    this.#pauses = pauses;
    this.#conclude = conclude;
  }

  play() {
    this.#element.classList.add("playing");
    this.#show(0);
    if (!this.buttons) return;
    const hadFocus = document.activeElement === this.buttons.again;
    this.buttons.skip.hidden = false;
    this.buttons.again.hidden = true;
    if (hadFocus) this.buttons.skip.focus();
  }

  end() {
    clearTimeout(this.#timer);
    this.#element.classList.remove("playing");
    for (const item of this.#items) item.classList.remove("now", "later");
    this.#items.find((item) => item.classList.contains("failed"))?.querySelector("details")?.setAttribute("open", "");
    if (!this.#isConcluded) this.#conclude();
    this.#isConcluded = true;
    if (!this.buttons) return;
    const hadFocus = document.activeElement === this.buttons.skip;
    this.buttons.skip.hidden = true;
    this.buttons.again.hidden = false;
    if (hadFocus) this.buttons.again.focus();
  }

  /** @param {number} at */
  #show(at) {
    clearTimeout(this.#timer);
    if (at >= this.#items.length) return this.end();
    this.#items.forEach((item, index) => {
      item.classList.toggle("now", index === at);
      item.classList.toggle("later", index > at);
    });
    this.#timer = setTimeout(() => this.#element.isConnected && this.#show(at + 1), this.#pauses[at]);
  }
}

/**
 * @param {Simulation} simulation
 * @param {HTMLElement} heading
 * @param {string} verdict
 * @param {(object: string, code?: string) => Node | null} link
 */
function verdictParts(simulation, heading, verdict, link) {
  const step = decidingStep(simulation);
  const target = step && link(step.object, step.code);
  const origin = originOf(simulation);
  return [
    h("span", { class: "walk-mark", "aria-hidden": "true" }),
    h("div", { class: "walk-told" },
      heading,
      (simulation.message !== "" || simulation.code !== "") && h("p", {}, prose(simulation.message), " ", simulation.code !== "" && h("code", {}, simulation.code)),
      Boolean(simulation.remedy) && h("p", { class: "walk-remedy" }, h("strong", {}, t("walk.what")), " ", prose(simulation.remedy ?? "")),
      verdict === "launches" && hostLine(simulation, link),
      target && h("p", {}, t("walk.change"), " ", target),
      origin !== "" && h("p", { class: "hint" }, origin)),
  ];
}

/**
 * @param {Simulation} simulation
 * @param {(object: string) => Node | null} link
 */
function hostLine({ steps }, link) {
  const object = steps.find(({ name, object }) => name === "placement" && kindOf(object) === "host")?.object;
  return object ? h("p", {}, t("walk.on"), " ", link(object) ?? h("bdi", {}, nameOf(object))) : null;
}

/** @param {Simulation} simulation */
function originOf({ reference, revision, time }) {
  return [
    time ? new Date(time * 1000).toLocaleString() : "",
    reference ? t("walk.reference", { reference }) : "",
    revision ? t("walk.revision", { revision }) : "",
  ].filter(Boolean).join(" · ");
}

/**
 * @param {Stage} stage
 * @param {{from: number, share: number}} bar
 * @param {Simulation} simulation
 * @param {(object: string, code?: string) => Node | null} link
 */
function stageItem(stage, bar, simulation, link) {
  const { name, outcome, lead, parts, milliseconds } = stage;
  const summary = h("summary", {},
    h("span", { class: "walk-mark", "aria-hidden": "true" }),
    h("span", { class: "walk-name" }, stepName(name), h("span", { class: "visually-hidden" }, `: ${t(`walk.outcome.${outcome}`)}. `)),
    h("span", { class: "walk-reason" }, h("bdi", {}, summaryOf(stage, simulation))),
    h("span", { class: "walk-time" }, timeText(milliseconds)),
    timeBar(bar));
  return h("li", { class: outcome, "data-step": name },
    h("details", {}, summary, h("div", { class: "walk-more" },
      lead && factsOf(lead, link),
      name === "hosts" ? hostList(rankedHosts(parts, simulation.steps), link) : partList(parts, link))));
}

/** @param {{from: number, share: number}} bar */
function timeBar({ from, share }) {
  const fill = h("span");
  fill.style.setProperty("left", `${(from * 100).toFixed(2)}%`);
  fill.style.setProperty("width", `${(share * 100).toFixed(2)}%`);
  return h("span", { class: "walk-bar", "aria-hidden": "true" }, fill);
}

/**
 * @param {Stage} stage
 * @param {Simulation} simulation
 */
function summaryOf({ name, lead, parts }, { steps }) {
  if (name !== "hosts") return lead?.reason ?? partsText(parts);
  const hosts = rankedHosts(parts, steps);
  if (lead?.outcome === "failed" || hosts.length === 0) return lead?.reason ?? "";
  return t("walk.hosts", { fit: hosts.filter(({ isFit }) => isFit).length, count: hosts.length });
}

/** @param {Step[]} parts */
function partsText(parts) {
  return parts.length <= FEW ? parts.map(({ reason }) => reason).join("; ") : t("walk.parts", { count: parts.length });
}

/**
 * @param {Step} step
 * @param {(object: string, code?: string) => Node | null} link
 */
function factsOf(step, link) {
  /** @type {[string, import("../ui/dom.js").Child][]} */
  const facts = [
    ["walk.fact.outcome", t(`walk.outcome.${step.outcome}`)],
    ["walk.fact.reason", step.reason && h("bdi", {}, step.reason)],
    ["walk.fact.code", step.code && h("code", {}, step.code)],
    ["walk.fact.object", step.object && (link(step.object, step.code) ?? h("bdi", {}, nameOf(step.object)))],
    ["walk.fact.time", timeText(step.milliseconds)],
  ];
  return h("dl", { class: "walk-facts" },
    ...facts.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, t(name)), h("dd", {}, value)]));
}

/**
 * @param {Step[]} parts
 * @param {(object: string, code?: string) => Node | null} link
 */
function partList(parts, link) {
  if (parts.length === 0) return null;
  return h("ul", { class: "walk-parts" }, ...parts.map((part) => h("li", { class: part.outcome },
    h("span", { class: "walk-mark", "aria-hidden": "true" }),
    h("span", { class: "visually-hidden" }, `${t(`walk.outcome.${part.outcome}`)}: `),
    h("span", {}, h("bdi", {}, part.reason), part.code !== "" && " ", part.code !== "" && h("code", {}, part.code)),
    part.object !== "" && (link(part.object, part.code) ?? h("bdi", {}, nameOf(part.object))))));
}

/**
 * @param {string} object
 * @param {string} code
 * @param {(address: string) => boolean} mayOpen
 */
function objectLink(object, code, mayOpen) {
  const address = objectAddress(object, code);
  if (address === "" || !mayOpen(address)) return null;
  const kind = kindOf(object);
  const said = STRINGS[`kind.${kind}`] ?? kind;
  return h("a", { href: address }, `${said} `, h("bdi", {}, nameOf(object)));
}

/** @param {string} name one that a newer broker asks is shown as it is called */
function stepName(name) {
  return STRINGS[`step.${name}`] ?? name;
}

/** @param {Stage[]} stages */
function totalText(stages) {
  const time = timeText(stages.reduce((sum, { milliseconds }) => sum + milliseconds, 0));
  return time && t("walk.total", { time });
}

/** @param {HTMLElement} list */
function openAll(list) {
  const button = h("button", { type: "button", "aria-pressed": "false", click: () => {
    const opens = button.getAttribute("aria-pressed") === "false";
    button.setAttribute("aria-pressed", String(opens));
    for (const each of list.querySelectorAll("details")) each.open = opens;
  } }, t("walk.open"));
  return button;
}

/** @param {KeyboardEvent} event */
function moveAmong(event) {
  const list = /** @type {HTMLElement} */ (event.currentTarget);
  const all = [...list.querySelectorAll("summary")];
  const at = all.indexOf(/** @type {HTMLElement} */ (event.target));
  /** @type {Record<string, number>} */
  const targets = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 };
  const target = all[targets[event.key] ?? -1];
  if (at < 0 || target === undefined) return;
  event.preventDefault();
  target.focus();
}
