/** Who changed what, when and why, the newest first; a revision opens what rolling back to it would do. */

import { h } from "../../ui/dom.js";
import { authorText, changedObject, fieldChanges, moment } from "../changes.js";
import { CursorList, paged } from "../cursor_list.js";
import { Filters } from "../filters.js";
import { mayOpen } from "../links.js";
import { addressOf } from "../router.js";
import { t } from "../strings.js";
import { switching } from "../switching.js";
import { Rollback } from "./rollback.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../router.js").Place} Place */
/** @typedef {import("../changes.js").Entry} Entry */

const KINDS = ["application", "entitlement", "group", "host-group", "policy", "role", "tenant", "token", "user"];
/** Of records: labels have one of their own, and host groups stand in those of hosts. */
const TOLD = new Set([...KINDS, "label", "host"]);

/** @param {Context} context @param {Place} place */
export function open(context, place) {
  return switching(place, (now) => (now.name === "" ? new History(context, now) : new Rollback(context, now.name)));
}

class History {
  #context;
  #filters;
  #list;

  /** @param {Context} context @param {Place} place */
  constructor(context, { query }) {
    this.#context = context;
    this.#filters = new Filters(context.client, [
      { name: "kind", label: t("history.kind"), type: "select", options: KINDS.map((kind) => [kind, t(`kind.${kind}`)]) },
      { name: "name", label: t("history.name"), type: "text" },
      { name: "author", label: t("history.author"), type: "text", suggest: "/admin/users" },
    ], query, (parameters) => {
      context.say(addressOf("history", "", parameters));
      this.#list.refresh(true);
    });
    const may = mayOpen(context);
    /** @type {CursorList<Entry>} */
    this.#list = new CursorList({
      label: t("screen.history"), empty: t("history.none"),
      columns: [
        { title: t("history.time"), cell: ({ time }) => moment(time) },
        { title: t("history.author"), cell: ({ author }) => authorText(author) },
        { title: t("history.change"), class: "wide", cell: (entry) => h("div", {}, changedObject(entry, may), fieldChanges(entry.fields ?? [])) },
        { title: t("history.reason"), cell: ({ reason }) => reason && h("bdi", {}, reason) },
        { title: t("history.revision"), cell: ({ revision }) => this.#revision(revision) },
      ],
      load: (before, limit, signal) => this.#load(before, limit, signal),
    });
    this.element = h("div", { class: "screen history" }, this.#filters.element, this.#list.element);
    this.#list.refresh();
  }

  focus() {
    this.#list.element.focus({ preventScroll: true });
  }

  stop() {
    this.#filters.stop();
    this.#list.stop();
  }

  /** @param {Place} place */
  moved({ name, query }) {
    if (name !== "") return false;
    this.#filters.fill(query);
    this.#list.refresh(true);
    return true;
  }

  /** @param {Set<string> | null} kinds */
  changed(kinds) {
    if (kinds === null || Array.from(kinds).some((kind) => TOLD.has(kind))) this.#list.refresh();
  }

  /** @param {number} revision */
  #revision(revision) {
    if (!this.#context.may("history.rollback")) return String(revision);
    return h("span", {}, `${revision} `, h("a", { href: addressOf("history", String(revision)) }, t("history.rollback"),
      h("span", { class: "visually-hidden" }, ` ${revision}`)));
  }

  /**
   * @param {string} before
   * @param {number} limit
   * @param {AbortSignal} signal
   */
  async #load(before, limit, signal) {
    /** @type {{items: Entry[]}} */
    const { items } = await this.#context.get(`/history?${paged(this.#filters.query, before, limit)}`, signal);
    // What one transaction wrote is never parted: a page may hold more than was asked for.
    const oldest = items.at(-1)?.revision ?? 0;
    return { items, before: items.length < limit ? "" : String(oldest) };
  }
}
