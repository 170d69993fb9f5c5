/** Rolling back: first what it would change, then, with a reason, the change itself. It can be rolled back as well. */

import { ApiError } from "../../api/client.js";
import { h } from "../../ui/dom.js";
import { labelled } from "../labelled.js";
import { mayOpen } from "../links.js";
import { planView } from "../plan_view.js";
import { addressOf } from "../router.js";
import { counted, errorText, t } from "../strings.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../plan_view.js").Plan} Plan */

export class Rollback {
  #context;
  #revision;
  #asking = new AbortController();
  #preview = h("div", { class: "preview" });
  #alert = h("div", { role: "alert", class: "alert" });
  #reason = h("input", { type: "text", autocomplete: "off", maxlength: "500" });
  #which;
  #act = h("button", { type: "submit", class: "danger", disabled: true }, t("rollback.act"));

  /**
   * @param {Context} context
   * @param {string} revision of the change from which the way back begins
   */
  constructor(context, revision) {
    this.#context = context;
    this.#revision = Number(revision);
    this.#which = h("select", { change: () => this.#load() },
      h("option", { value: "before" }, t("rollback.before", { revision })), h("option", { value: "after" }, t("rollback.after", { revision })));
    this.element = h("div", { class: "screen rollback" }, h("p", {}, h("a", { href: addressOf("history") }, t("rollback.all"))),
      h("h2", { tabindex: "-1" }, t("rollback.title", { revision })),
      h("form", { class: "rollback-form", novalidate: true, submit: (/** @type {Event} */ event) => this.#submit(event) },
        h("div", { class: "form-grid" }, labelled(t("rollback.to"), this.#which), labelled(t("rollback.reason"), this.#reason, t("rollback.reason.hint"))),
        this.#alert, this.#preview, h("div", { class: "buttons" }, this.#act)));
    if (Number.isSafeInteger(this.#revision) && this.#revision > 0) this.#load();
    else this.#alert.textContent = t("rollback.unknown");
  }

  focus() {
    this.element.querySelector("h2")?.focus();
  }

  stop() {
    this.#asking.abort();
  }

  get #target() {
    return this.#which.value === "before" ? this.#revision - 1 : this.#revision;
  }

  async #load() {
    this.#asking.abort();
    const { signal } = (this.#asking = new AbortController());
    this.#act.disabled = true;
    this.#preview.replaceChildren(h("p", { class: "loading", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), t("list.loading")));
    const plan = await this.#ask({ dry: true });
    if (signal.aborted) return;
    this.#preview.replaceChildren(...(plan === null ? [] : [planView(plan, mayOpen(this.#context))]));
    this.#act.disabled = plan === null || plan.changes.length === 0;
  }

  /** @param {{dry?: boolean, reason?: string}} more @returns {Promise<Plan | null>} */
  async #ask(more) {
    try {
      const plan = await this.#context.change("POST", "/history/rollback", { revision: this.#target, ...more });
      this.#alert.replaceChildren();
      return plan;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#alert.textContent = errorText(error);
      return null;
    }
  }

  /** @param {Event} event */
  async #submit(event) {
    event.preventDefault();
    const goesOn = await this.#context.ask({
      title: t("rollback.ask", { revision: this.#target }), consequences: [t("rollback.ask.text")], act: t("rollback.act"), danger: true,
    });
    if (!goesOn) return;
    this.#act.disabled = true;
    const reason = this.#reason.value.trim();
    const plan = await this.#ask(reason === "" ? {} : { reason });
    this.#act.disabled = false;
    if (plan === null) return;
    this.#context.toasts.show(counted(plan.changes.length, "rollback.done"));
    this.#context.go(addressOf("history"));
  }
}
