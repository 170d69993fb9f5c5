/**
 * What if: documents as they might be, replayed over all entitlements and last week's launches before anybody saves them.
 *
 * They are written as in files, YAML or JSON (of a document that exists the present one can be fetched first), asked about
 * as often as one likes, and applied from here, if nothing they touch has changed meanwhile.
 */

import { ApiError } from "../../api/client.js";
import { h } from "../../ui/dom.js";
import { labelled } from "../labelled.js";
import { mayOpen } from "../links.js";
import { counted, errorText, t } from "../strings.js";
import { suggestField } from "../suggest.js";
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
  #file = h("input", { type: "file", accept: ".json,.yaml,.yml", multiple: true, "aria-label": t("whatif.file"), change: () => this.#read() });
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
  /** What was asked last, as it may be applied. @type {{text: string, revision: number} | null} */
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
      this.#append([JSON.stringify(found, null, 2)]);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#complain(errorText(error));
    }
  }

  async #read() {
    const texts = await Promise.all(Array.from(this.#file.files ?? [], (file) => file.text()));
    this.#file.value = "";
    this.#append(texts);
  }

  /** @param {string[]} texts */
  #append(texts) {
    this.#text.value = [this.#text.value, ...texts].map((text) => text.trim()).filter(Boolean).join("\n---\n");
    this.#outdated();
    this.#text.focus();
  }

  // --- asking

  /** @param {Event} event */
  async #submit(event) {
    event.preventDefault();
    const text = this.#text.value;
    if (text.trim() === "") {
      this.#text.focus();
      return this.#complain(t("whatif.empty"));
    }
    this.#asking.abort();
    const { signal } = (this.#asking = new AbortController());
    this.#outdated();
    this.#busy(true);
    const answer = await this.#answer(text, signal);
    if (signal.aborted) return;
    this.#busy(false);
    if (answer !== null) this.#show(text, answer);
  }

  /**
   * @param {string} text
   * @param {AbortSignal} signal
   * @returns {Promise<WhatIf | null>}
   */
  async #answer(text, signal) {
    try {
      for await (const { event, values } of this.#context.client.asking("/admin/what-if", { text, replay: this.#replay.value }, signal)) {
        if (event === "progress") this.#advance(values);
        if (event === "result") return values;
        if (event === "failed") throw new ApiError(values.code, values.message, values);
      }
      throw new ApiError("network", "");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!signal.aborted) this.#refused(error);
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
   * @param {string} text
   * @param {WhatIf} answer
   */
  #show(text, answer) {
    this.#asked = { text, revision: answer.revision };
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

  /** Every finding, with a way to its line. @param {ApiError} error */
  #refused({ code, message, field, expected, findings }) {
    if (findings.length === 0) return this.#complain(field ? `${field}: ${t("form.expected", { expected })}` : errorText({ code, message }));
    this.#alert.replaceChildren(h("ul", {}, ...findings.map((finding) => h("li", {}, this.#finding(finding)))));
  }

  /** @param {import("../../api/client.js").Finding} finding */
  #finding({ field, expected, line, column }) {
    const told = `${field}: ${t("form.expected", { expected })}`;
    if (line === undefined) return told;
    return h("button", { type: "button", class: "quiet small", click: () => this.#goTo(line, column ?? 1) }, t("whatif.line", { line, told }));
  }

  /**
   * @param {number} line from 1
   * @param {number} column
   */
  #goTo(line, column) {
    const before = this.#text.value.split("\n").slice(0, line - 1).join("\n");
    const at = (line > 1 ? before.length + 1 : 0) + column - 1;
    this.#text.focus();
    this.#text.setSelectionRange(at, at);
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
