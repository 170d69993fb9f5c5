/**
 * The panel of one object: loaded by its name, drawn again when it changed, unless something is being entered.
 *
 * Screens say how it is found and drawn. A form in it may lose nothing: closing asks, and what others saved meanwhile
 * is shown beside what was entered (`saveAs`).
 */

import { ApiError } from "../api/client.js";
import { differences, resolveConflict } from "../ui/conflict.js";
import { h } from "../ui/dom.js";
import { Form } from "../ui/form.js";
import { errorText, t } from "./strings.js";

/** @typedef {import("./context.js").Context} Context */

/** @template Item */
export class ObjectPanel {
  #find;
  #draw;
  #stopping = new AbortController();
  #shown = "";
  /** @type {Form | null} */
  #form = null;
  #element = h("div", { class: "panel-body" });
  /** @type {(() => void) | null} */
  #begin;

  /**
   * @param {object} parts
   * @param {string} parts.title
   * @param {Item} [parts.item] if it is known already
   * @param {(signal: AbortSignal) => Promise<Item | undefined>} parts.find
   * @param {(item: Item) => (Node | Form)[]} parts.draw
   * @param {boolean} [parts.isNew] it is made here: nobody else changes it
   */
  constructor({ title, item, find, draw, isNew = false }) {
    this.title = title;
    this.isNew = isNew;
    this.#find = find;
    this.#draw = draw;
    this.#begin = () => (item === undefined ? this.#load() : this.#show(item));
  }

  /** Drawn when it is first asked for: a class that extends this one is complete by then. */
  get element() {
    const begin = this.#begin;
    this.#begin = null;
    begin?.();
    return this.#element;
  }

  #load() {
    this.#element.append(h("p", { class: "loading", role: "status" }, t("panel.loading")));
    this.#read();
  }

  focus() {
    const field = this.isNew ? this.element.querySelector("input") : null;
    (field ?? this.element.parentElement?.querySelector("h2"))?.focus({ preventScroll: true });
  }

  stop() {
    this.#stopping.abort();
  }

  async changed() {
    if (!this.isNew) await this.#read();
  }

  async #read() {
    try {
      const item = await this.#find(this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      if (item === undefined) this.#showGone();
      else this.#show(item);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!this.#stopping.signal.aborted && this.#shown === "") this.element.replaceChildren(h("p", { role: "alert", class: "alert" }, errorText(error)));
    }
  }

  get isEntering() {
    return this.#form?.isChanged ?? false;
  }

  async mayClose() {
    if (!this.#form?.isChanged) return true;
    const { ask } = await import("../ui/dialog.js");
    return ask({
      title: t("form.leave.title"), consequences: [t("form.leave.text")], act: t("form.leave.act"), cancel: t("form.leave.cancel"), danger: true,
    });
  }

  /** What was entered is saved, or given up. */
  settle() {
    this.#form = null;
    this.#shown = "";
  }

  /** @param {Item} item */
  #show(item) {
    const state = JSON.stringify(item);
    if (state === this.#shown || this.#form?.isChanged) return;
    this.#shown = state;
    const focused = document.activeElement?.id && this.element.contains(document.activeElement) ? document.activeElement.id : "";
    const parts = this.#draw(item);
    this.#form = /** @type {Form | undefined} */ (parts.find((part) => part instanceof Form)) ?? null;
    this.element.replaceChildren(...parts.map((part) => (part instanceof Form ? part.element : part)));
    if (focused) document.getElementById(focused)?.focus();
  }

  #showGone() {
    if (this.#form?.isChanged) return; // it can still be saved, as a new one
    this.#form = null;
    this.element.replaceChildren(h("p", { class: "muted" }, t("panel.gone")));
  }
}

/**
 * Sends what was entered. What is wrong with a field comes back; anything else is said in the form as well.
 * @param {object} parts
 * @param {string} parts.name of the object
 * @param {Record<string, any>} parts.before values as they were read
 * @param {Record<string, any>} parts.values as they were entered
 * @param {number | undefined} parts.revision of the object as it was read
 * @param {(current: any) => Record<string, any>} parts.valuesOf what the API calls `current`
 * @param {(name: string) => string} parts.label of a value
 * @param {(values: Record<string, any>, revision: number | undefined) => Promise<unknown>} parts.send
 * @param {() => void} parts.saved
 * @returns {Promise<import("../ui/form.js").Wrong | null>}
 */
export async function saveAs({ name, before, values, revision, valuesOf, label, send, saved }) {
  try {
    await send(values, revision);
    saved();
    return null;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // A broker of the release before knows no revisions: there the last one wins.
    if (error.field === "revision") return saveAs({ name, before, values, revision: undefined, valuesOf, label, send, saved });
    if (error.code !== "changed_meanwhile" || error.current === undefined) return wrongOf(error);
    const current = /** @type {any} */ (error.current);
    const theirs = { ...before, ...valuesOf(current) };
    // Nobody else touched what is shown here: nothing needs asking.
    const isOwn = differences(before, theirs, values).every(({ state }) => state === "mine");
    const merged = isOwn ? values : await resolveConflict({
      title: t("conflict.title", { name }), explanation: t("conflict.explanation"), texts: conflictTexts(), before, theirs, mine: values, label,
    });
    if (merged === null) return { field: "", message: t("conflict.title", { name }) };
    return saveAs({ name, before: theirs, values: merged, revision: current.revision, valuesOf, label, send, saved });
  }
}

/** @param {ApiError} error */
export function wrongOf(error) {
  const expected = error.expected ? t("form.expected", { expected: error.expected }) : errorText(error);
  return { field: error.field, message: error.field ? expected : errorText(error) };
}

function conflictTexts() {
  return {
    field: t("conflict.field"), before: t("conflict.before"), theirs: t("conflict.theirs"), mine: t("conflict.mine"),
    takeTheirs: t("conflict.take.theirs"), takeMine: t("conflict.take.mine"), save: t("conflict.save"), cancel: t("ask.cancel"),
  };
}

export function formTexts(submit = t("form.save")) {
  return { submit, cancel: t("form.cancel"), wrong: t("form.wrong") };
}
