/**
 * The panel of one object: loaded by its name, drawn again when it changed, unless something is being entered.
 *
 * Screens say how it is found and drawn. A form in it (`editing_form.js`) loses nothing: closing asks.
 */

import { ApiError } from "../api/client.js";
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

/** @param {ApiError} error */
export function wrongOf(error) {
  const expected = error.expected ? t("form.expected", { expected: error.expected }) : errorText(error);
  return { field: error.field, message: error.field ? expected : errorText(error) };
}

export function formTexts(submit = t("form.save")) {
  return { submit, cancel: t("form.cancel"), wrong: t("form.wrong") };
}
