/** Launch Simulation: who, what and under which circumstances; the answer as a walk-through. Nothing in the grid changes. */

import { ApiError } from "../../api/client.js";
import { h } from "../../ui/dom.js";
import { mayOpen } from "../links.js";
import { addressOf } from "../router.js";
import { SimulationForm } from "../simulation_form.js";
import { errorText, t } from "../strings.js";
import { render } from "../walkthrough.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../router.js").Place} Place */

/** @param {Context} context @param {Place} place */
export function open(context, place) {
  return new SimulationScreen(context, place);
}

class SimulationScreen {
  #context;
  #asking = new AbortController();
  #form;
  #result = h("div", { class: "simulation-result" });

  /** @param {Context} context @param {Place} place */
  constructor(context, place) {
    this.#context = context;
    this.#form = new SimulationForm(context.client, () => this.#submit());
    this.element = h("div", { class: "screen simulation" },
      h("p", { class: "muted" }, t("simulation.lead")), this.#form.element, this.#result);
    this.moved(place);
  }

  focus() {
    this.#form.focus();
  }

  stop() {
    this.#asking.abort();
  }

  /** @param {Place} place */
  moved({ query }) {
    this.#form.fill(query);
    if (this.#form.isComplete) this.#run();
    else this.#result.replaceChildren();
  }

  #submit() {
    this.#context.say(addressOf("simulation", "", this.#form.parameters));
    this.#run();
  }

  async #run() {
    this.#asking.abort();
    const { signal } = (this.#asking = new AbortController());
    this.#form.busy = true;
    this.#form.complain("");
    try {
      const simulation = await this.#context.change("POST", "/simulations", this.#form.question);
      if (signal.aborted) return;
      this.#result.replaceChildren(render(simulation, { mayOpen: mayOpen(this.#context) }));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (signal.aborted) return;
      this.#result.replaceChildren();
      this.#form.complain(errorText(error));
    }
    this.#form.busy = false;
  }
}
