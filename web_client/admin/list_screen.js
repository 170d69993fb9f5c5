/**
 * A screen that is a list with a panel beside it: the address names what the panel shows, and how the list is asked.
 *
 * What opens in the panel is the screen's own: `panel(name, item)` makes it; `item` is what the list knows, if anything.
 */

import { saveFile } from "../ui/save_file.js";
import { DataTable } from "../ui/data_table.js";
import { h } from "../ui/dom.js";
import { parametersOf, queryFrom } from "../ui/list_query.js";
import { addressOf } from "./router.js";
import { errorText, t } from "./strings.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./router.js").Place} Place */
/**
 * @typedef {object} Panel
 * @property {string} title
 * @property {HTMLElement} element
 * @property {() => void} [focus]
 * @property {() => void} [stop]
 * @property {() => void} [changed] what it shows may have
 * @property {() => Promise<boolean>} [mayClose] whether nothing would be lost, or the user says that it may
 * @property {boolean} [isEntering] something was entered and is not saved
 */
/**
 * @template Item
 * @typedef {object} Parts
 * @property {string} id of the screen
 * @property {string[]} kinds whose changes concern the list
 * @property {number} [everySeconds] read again: it shows what is no record, so that nobody tells when it changes
 * @property {string} search
 * @property {import("../ui/grid_view.js").Column<Item>[]} columns
 * @property {import("../ui/data_table.js").Parts<Item>["load"]} load
 * @property {(item: Item) => string} key also the name in the address
 * @property {import("../ui/table_tools.js").Filter[]} [filters]
 * @property {import("../ui/bulk_bar.js").Act<Item>[]} [acts]
 * @property {string} empty
 * @property {{label: string, name: string}} [create] opens the panel of that name
 * @property {HTMLElement[]} [tools] above the list, before the button that creates
 * @property {(name: string, item: Item | undefined) => Panel} panel
 */

/** @template Item */
export class ListScreen {
  #context;
  #parts;
  #table;
  /** @type {Panel | null} */
  #panel = null;
  #name = "";
  #timer = 0;
  #aside = h("aside", { class: "panel-side", hidden: true });
  /** @type {Item | undefined} */
  #opened;

  /**
   * @param {Context} context
   * @param {Place} place
   * @param {Parts<Item>} parts
   */
  constructor(context, place, parts) {
    this.#context = context;
    this.#parts = parts;
    const filters = parts.filters ?? [];
    const create = parts.create;
    this.#table = /** @type {DataTable<Item>} */ (new DataTable({
      texts: t, label: t(`screen.${parts.id}`), search: parts.search, columns: parts.columns, load: parts.load, key: parts.key,
      filters, acts: parts.acts, query: queryFrom(place.query, filters.map(({ id }) => id)),
      href: (item) => addressOf(parts.id, parts.key(item)),
      open: (item) => this.#open(item),
      asked: () => this.#say(),
      empty: () => this.#empty(),
      failed: errorText,
      tools: [
        h("button", { type: "button", class: "small quiet csv", title: t("table.csv.title"), click: () => this.#save() }, t("table.csv")),
        ...(parts.tools ?? []),
        ...(create ? [h("button", { type: "button", class: "small primary", click: () => this.create() }, create.label)] : []),
      ],
    }));
    this.element = h("div", { class: "list-screen" }, this.#table.element, this.#aside);
    if (place.name !== "") this.#show(place.name);
    const { everySeconds } = parts;
    if (everySeconds) this.#timer = setInterval(() => document.visibilityState === "visible" && this.#table.refresh(), everySeconds * 1000);
  }

  get table() {
    return this.#table;
  }

  focus() {
    if (this.#panel === null) this.#table.focus();
  }

  stop() {
    clearInterval(this.#timer);
    this.#table.stop();
    this.#panel?.stop?.();
  }

  /** @param {Place} place */
  async moved(place) {
    const filters = (this.#parts.filters ?? []).map(({ id }) => id);
    if (place.name !== this.#name) {
      if (!(await this.mayLeave())) return this.#say();
      if (place.name === "") this.#hide();
      else this.#show(place.name);
    }
    this.#table.ask(queryFrom(place.query, filters));
  }

  /** @param {Set<string> | null} kinds */
  changed(kinds) {
    if (kinds !== null && !this.#parts.kinds.some((kind) => kinds.has(kind))) return;
    this.#table.refresh();
    this.#panel?.changed?.();
  }

  search() {
    this.#table.focusSearch();
  }

  /** @param {number} by */
  move(by) {
    this.#table.focus();
    this.#table.move(by);
  }

  create() {
    if (this.#parts.create) this.#go(this.#parts.create.name);
  }

  close() {
    if (this.#panel === null) return false;
    this.#go("");
    return true;
  }

  /** What is shown may be old. */
  refresh() {
    this.#table.refresh();
    this.#panel?.changed?.();
  }

  // --- panel

  /** @param {Item} item */
  #open(item) {
    this.#opened = item;
    this.#go(this.#parts.key(item));
  }

  /** @param {string} name */
  #go(name) {
    this.#context.go(addressOf(this.#parts.id, name, parametersOf(this.#table.query)));
  }

  #say() {
    this.#context.say(addressOf(this.#parts.id, this.#name, parametersOf(this.#table.query)));
  }

  async mayLeave() {
    return this.#panel?.mayClose === undefined || this.#panel.mayClose();
  }

  isEntering() {
    return this.#panel?.isEntering ?? false;
  }

  /** @param {string} name */
  #show(name) {
    this.#panel?.stop?.();
    this.#name = name;
    const item = this.#opened !== undefined && this.#parts.key(this.#opened) === name ? this.#opened : undefined;
    this.#opened = undefined;
    this.#panel = this.#parts.panel(name, item);
    const title = h("h2", { tabindex: "-1" }, h("bdi", {}, this.#panel.title));
    this.#aside.setAttribute("aria-label", this.#panel.title);
    this.#aside.replaceChildren(
      h("div", { class: "panel-head" }, title,
        h("button", { type: "button", class: "quiet small panel-close", "aria-label": t("panel.close"), click: () => this.close() }, "×")),
      this.#panel.element);
    this.#aside.hidden = false;
    this.element.classList.add("with-panel");
    this.#table.activate(name);
    if (this.#panel.focus) this.#panel.focus();
    else title.focus({ preventScroll: true });
  }

  #hide() {
    this.#panel?.stop?.();
    this.#panel = null;
    this.#name = "";
    this.#aside.hidden = true;
    this.#aside.replaceChildren();
    this.element.classList.remove("with-panel");
    this.#table.focus();
  }

  // --- the rest

  #empty() {
    const { empty, create } = this.#parts;
    return h("div", {}, h("p", {}, empty),
      create && h("button", { type: "button", class: "primary", click: () => this.create() }, create.label));
  }

  async #save() {
    try {
      const text = await this.#table.csv();
      saveFile(`${this.#parts.id}.csv`, new Blob(["\ufeff", text], { type: "text/csv" }));
    } catch (error) {
      this.#context.toasts.show(t("table.csv.failed", { reason: errorText(error) }), { bad: true });
    }
  }
}
