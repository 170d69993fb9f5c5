/**
 * What if: documents as they might be, replayed over all entitlements and last week's launches before anybody saves them.
 *
 * They are written as JSON (of a document that exists the present one can be fetched first), asked about as often as one
 * likes, and applied from here, if nothing they touch has changed meanwhile.
 */

import { ApiError } from "../../api/client.js";
import { h } from "../../ui/dom.js";
import { labelled } from "../labelled.js";
import { mayOpen } from "../links.js";
import { counted, errorText, t } from "../strings.js";
import { suggestField } from "../suggest.js";
import { documentsIn } from "../whatif_rules.js";
import { whatIfView } from "../whatif_view.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../whatif_view.js").WhatIf} WhatIf */

const KINDS = ["application", "group", "user", "policy", "role"];
const LISTS = new Map([["application", "/admin/applications"], ["group", "/admin/groups"], ["user", "/admin/users"], ["role", "/admin/roles"]]);

/** @param {Context} context */
export function open(context) {
  return new WhatIfScreen(context);
}

class WhatIfScreen {
  #context;
  #asking = new AbortController();
  #text = h("textarea", { rows: "12", spellcheck: "false", autocapitalize: "none", class: "documents", input: () => this.#outdated() });
  #file = h("input", { type: "file", accept: ".json,application/json", multiple: true, "aria-label": t("whatif.file"), change: () => this.#read() });
  #kind = h("select", { change: () => this.#showNames() }, ...KINDS.map((kind) => h("option", { value: kind }, t(`kind.${kind}`))));
  #names = h("div", {});
  /** @type {HTMLInputElement | null} */
  #name = null;
  #replay = h("select", {}, ...["both", "entitlements", "launches"].map((value) => h("option", { value }, t(`whatif.replay.${value}`))));
  #ask = h("button", { type: "submit", class: "primary" }, t("whatif.ask"));
  #alert = h("div", { role: "alert", class: "alert" });
  #progress = h("progress", { hidden: true, "aria-label": t("whatif.progress") });
  #status = h("p", { role: "status", class: "visually-hidden" });
  #result = h("div", { class: "whatif-result" });
  /** What was asked last, as it may be applied. @type {{documents: object[], revision: number} | null} */
  #asked = null;

  /** @param {Context} context */
  constructor(context) {
    this.#context = context;
    const add = h("button", { type: "button", click: () => this.#add() }, t("whatif.add"));
    this.element = h("div", { class: "screen whatif" }, h("p", { class: "muted" }, t("whatif.lead")),
      h("div", { class: "whatif-fetch" }, labelled(t("whatif.kind"), this.#kind), this.#names, add,
        h("div", { class: "field" }, h("span", { class: "hint" }, t("whatif.orfile")), this.#file)),
      h("form", { class: "whatif-form", novalidate: true, submit: (/** @type {Event} */ event) => this.#submit(event) },
        labelled(t("whatif.documents"), this.#text, t("whatif.documents.hint")),
        h("div", { class: "form-grid" }, labelled(t("whatif.replay"), this.#replay)), this.#alert,
        h("div", { class: "buttons" }, this.#ask, this.#progress)),
      this.#status, this.#result);
    this.#showNames();
  }

  focus() {
    this.#kind.focus();
  }

  stop() {
    this.#asking.abort();
  }

  moved() {
    // Nothing of it stands in the address: documents are too long for one.
  }

  // --- the documents

  #showNames() {
    const list = LISTS.get(this.#kind.value);
    const suggested = list === undefined ? null : suggestField(this.#context.client, list);
    this.#name = suggested?.input ?? h("input", { type: "text", placeholder: "group/staff", autocomplete: "off", spellcheck: "false" });
    this.#names.replaceChildren(labelled(t("whatif.name"), this.#name, "", ...(suggested ? [suggested.options] : [])));
  }

  /** The present document, behind those that are there. */
  async #add() {
    const name = this.#name?.value.trim() ?? "";
    const kind = this.#kind.value;
    try {
      const { documents } = await this.#context.get(`/configuration/export?${new URLSearchParams({ kinds: kind })}`);
      const found = documents.find((/** @type {Record<string, string>} */ each) => nameOf(each).toLowerCase() === name.toLowerCase());
      if (found === undefined) return this.#complain(t("whatif.unknown", { kind: t(`kind.${kind}`), name }));
      this.#append([found]);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#complain(errorText(error));
    }
  }

  async #read() {
    const texts = await Promise.all(Array.from(this.#file.files ?? [], (file) => file.text()));
    this.#file.value = "";
    const { documents, error } = documentsIn(texts.join("\n"));
    if (error !== "") return this.#complain(t("whatif.unreadable", { reason: error }));
    this.#append(documents);
  }

  /** @param {object[]} documents */
  #append(documents) {
    const { documents: before, error } = documentsIn(this.#text.value);
    if (error !== "") return this.#complain(t("whatif.unreadable", { reason: error }));
    const all = [...before, ...documents];
    this.#text.value = JSON.stringify(all.length === 1 ? all[0] : all, null, 2);
    this.#outdated();
    this.#text.focus();
  }

  // --- asking

  /** @param {Event} event */
  async #submit(event) {
    event.preventDefault();
    const { documents, error } = documentsIn(this.#text.value);
    if (error !== "" || documents.length === 0) {
      this.#text.focus();
      return this.#complain(error === "" ? t("whatif.empty") : t("whatif.unreadable", { reason: error }));
    }
    this.#asking.abort();
    const { signal } = (this.#asking = new AbortController());
    this.#outdated();
    this.#busy(true);
    const answer = await this.#answer(documents, signal);
    if (signal.aborted) return;
    this.#busy(false);
    if (answer !== null) this.#show(documents, answer);
  }

  /**
   * @param {object[]} documents
   * @param {AbortSignal} signal
   * @returns {Promise<WhatIf | null>}
   */
  async #answer(documents, signal) {
    try {
      for await (const { event, values } of this.#context.client.asking("/admin/what-if", { documents, replay: this.#replay.value }, signal)) {
        if (event === "progress") this.#advance(values);
        if (event === "result") return values;
        if (event === "failed") throw new ApiError(values.code, values.message, values);
      }
      throw new ApiError("network", "");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!signal.aborted) this.#complain(error.field ? `${error.field}: ${t("form.expected", { expected: error.expected })}` : errorText(error));
      return null;
    }
  }

  /** @param {{done: number, total: number}} progress */
  #advance({ done, total }) {
    if (total > 0) {
      this.#progress.max = total;
      this.#progress.value = done;
    }
  }

  /**
   * @param {object[]} documents
   * @param {WhatIf} answer
   */
  #show(documents, answer) {
    this.#asked = { documents, revision: answer.revision };
    this.#status.textContent = counted(answer.changes.length, "plan.changes");
    const mayApply = this.#context.may("configuration.apply") && answer.changes.length > 0;
    this.#result.replaceChildren(whatIfView(answer, mayOpen(this.#context)), ...(mayApply ? [this.#applying()] : []));
  }

  /** An answer to other documents than those that stand there says nothing. */
  #outdated() {
    this.#asked = null;
    this.#alert.replaceChildren();
    this.#result.replaceChildren();
  }

  /** @param {boolean} isBusy */
  #busy(isBusy) {
    this.#ask.setAttribute("aria-busy", String(isBusy));
    this.#progress.hidden = !isBusy;
    this.#progress.removeAttribute("value");
  }

  /** @param {string} text */
  #complain(text) {
    this.#alert.textContent = text;
  }

  // --- applying

  #applying() {
    const reason = h("input", { type: "text", autocomplete: "off", maxlength: "500" });
    return h("form", { class: "whatif-apply", novalidate: true, submit: (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#apply(reason.value.trim());
    } }, labelled(t("rollback.reason"), reason, t("rollback.reason.hint")), h("button", { type: "submit", class: "primary" }, t("whatif.apply")));
  }

  /** @param {string} reason */
  async #apply(reason) {
    if (this.#asked === null) return;
    try {
      const { changes } = await this.#context.change("POST", "/configuration/apply", { ...this.#asked, ...(reason && { reason }) });
      this.#outdated();
      this.#text.value = "";
      this.#context.toasts.show(counted(changes.length, "whatif.applied"));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#complain(errorText(error));
      this.#alert.scrollIntoView({ block: "nearest" });
    }
  }
}

/** @param {Record<string, string>} document */
function nameOf({ kind, name = "", level = "", of = "-" }) {
  if (kind !== "policy") return name;
  return level === "tenant" ? "tenant" : `${level}/${of}`;
}
