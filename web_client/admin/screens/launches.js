/** Launches as they went, the newest first; a reference opens how one was decided, what would happen now, and what changed since. */

import { ApiError } from "../../api/client.js";
import { h } from "../../ui/dom.js";
import { badge, facts } from "../cells.js";
import { authorText, changedObject, fieldChanges, moment } from "../changes.js";
import { CursorList, paged } from "../cursor_list.js";
import { Filters } from "../filters.js";
import { mayOpen } from "../links.js";
import { addressOf } from "../router.js";
import { errorText, t } from "../strings.js";
import { switching } from "../switching.js";
import { render } from "../walkthrough.js";
import { verdictOf } from "../walkthrough_rules.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../router.js").Place} Place */
/** @typedef {import("../walkthrough_rules.js").Simulation} Simulation */
/** @typedef {Simulation & {reference: string, time: number}} Told */
/** @typedef {{client_address: string, factor_age_minutes: number | null, user_agent: string}} Circumstances */
/** @typedef {Told & {circumstances?: Circumstances | null, now?: Simulation | null, changes?: import("../changes.js").Entry[]}} Explained */

/** @type {import("../filters.js").Filter[]} */
const FILTERS = [
  { name: "user", label: t("launches.user"), type: "text", suggest: "/admin/users" },
  { name: "application", label: t("launches.application"), type: "text", suggest: "/admin/applications" },
  { name: "code", label: t("launches.code"), type: "text" },
  { name: "from", label: t("launches.from"), type: "datetime-local" },
  { name: "to", label: t("launches.to"), type: "datetime-local" },
];

/** @param {Context} context @param {Place} place */
export function open(context, place) {
  return switching(place, (now) => (now.name === "" ? new Launches(context, now) : new Launch(context, now)));
}

class Launches {
  #context;
  #filters;
  #list;
  #reference = h("input", { type: "text", autocomplete: "off", spellcheck: "false", "aria-label": t("launches.reference"),
    placeholder: t("launches.reference") });

  /** @param {Context} context @param {Place} place */
  constructor(context, { query }) {
    this.#context = context;
    this.#filters = new Filters(context.client, FILTERS, query, (parameters) => this.#asked(parameters));
    /** @type {CursorList<Told>} */
    this.#list = new CursorList({
      label: t("screen.launches"), empty: t("launches.none"), columns: COLUMNS,
      load: (before, limit, signal) => context.get(`/launches?${paged(this.#filters.query, before, limit)}`, signal),
    });
    const open = h("form", { class: "open-reference", submit: (/** @type {Event} */ event) => this.#open(event) },
      this.#reference, h("button", { type: "submit" }, t("launches.open")));
    this.element = h("div", { class: "screen launches" }, h("div", { class: "screen-head" }, open),
      this.#filters.element, this.#list.element);
    this.#list.refresh();
  }

  focus() {
    this.#list.element.focus({ preventScroll: true });
  }

  search() {
    this.#reference.focus();
  }

  stop() {
    this.#filters.stop();
    this.#list.stop();
  }

  /** @param {Set<string> | null} kinds */
  changed(kinds) {
    if (kinds === null || kinds.has("audit")) this.#list.refresh();
  }

  /** @param {URLSearchParams} parameters */
  #asked(parameters) {
    this.#context.say(addressOf("launches", "", parameters));
    this.#list.refresh(true);
  }

  /** @param {Event} event */
  #open(event) {
    event.preventDefault();
    const reference = this.#reference.value.trim();
    if (reference !== "") this.#context.go(addressOf("launches", reference));
  }
}

/** @type {import("../cursor_list.js").CursorColumn<Told>[]} */
const COLUMNS = [
  { title: t("launches.time"), cell: ({ time }) => moment(time) },
  { title: t("launches.user"), cell: ({ user }) => h("bdi", {}, user) },
  { title: t("launches.application"), cell: ({ application }) => h("bdi", {}, application) },
  { title: t("launches.outcome"), cell: (launch) => outcome(launch) },
  { title: t("launches.reference"), cell: ({ reference }) =>
    h("a", { href: addressOf("launches", reference) }, h("code", {}, reference)) },
];

const BADGES = /** @type {const} */ ({ launches: "ok", reconnects: "ok", refused: "bad", failed: "warn" });

/** @param {Told} launch */
function outcome(launch) {
  const verdict = verdictOf(launch);
  return h("span", {}, badge(BADGES[verdict], t(`launches.${verdict}`)), launch.code !== "" && " ",
    launch.code !== "" && h("code", {}, launch.code));
}

/** What it was judged by. @param {Explained} launch */
function circumstances({ time, circumstances: told }) {
  if (!told) return [];
  const age = told.factor_age_minutes;
  return [facts([
    [t("launches.time"), moment(time)],
    [t("launch.address"), told.client_address && h("code", {}, told.client_address)],
    [t("launch.factor"), age === null ? t("launch.factor.none") : t("launch.factor.age", { minutes: String(Math.round(age)) })],
    [t("launch.client"), told.user_agent && h("bdi", {}, told.user_agent)],
  ])];
}

class Launch {
  #context;
  #reference;
  #asking = new AbortController();
  #content = h("div", { class: "explained" }, h("p", { class: "loading", role: "status" },
    h("span", { class: "spinner", "aria-hidden": "true" }), t("list.loading")));

  /** @param {Context} context @param {Place} place */
  constructor(context, { name }) {
    this.#context = context;
    this.#reference = name;
    this.element = h("div", { class: "screen launch-explained" },
      h("p", {}, h("a", { href: "#/launches" }, t("launches.all"))), h("h2", { tabindex: "-1" }, t("launch.title", { reference: name })), this.#content);
    this.#load();
  }

  focus() {
    this.element.querySelector("h2")?.focus();
  }

  stop() {
    this.#asking.abort();
  }

  async #load() {
    const { signal } = this.#asking;
    try {
      const launch = await this.#context.get(`/launches/${encodeURIComponent(this.#reference)}`, signal);
      if (!signal.aborted) this.#show(launch);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!signal.aborted) this.#content.replaceChildren(h("p", { role: "alert", class: "alert" }, errorText(error)));
    }
  }

  /** @param {Explained} launch */
  #show(launch) {
    const may = mayOpen(this.#context);
    this.#content.replaceChildren(
      ...circumstances(launch),
      h("section", {}, h("h3", {}, t("launch.then")), render(launch, { tense: "did", mayOpen: may, level: "h4" })),
      ...(launch.now ? [this.#now(launch.now)] : []),
      ...(launch.changes ? [this.#changes(launch.changes)] : []));
  }

  /** @param {Simulation} now */
  #now(now) {
    const again = addressOf("simulation", "", { user: now.user, application: now.application });
    const may = mayOpen(this.#context);
    return h("section", {}, h("h3", {}, t("launch.now")), render(now, { plays: false, mayOpen: may, level: "h4" }),
      may(again) && h("p", {}, h("a", { href: again }, t("launch.simulate"))));
  }

  /** @param {import("../changes.js").Entry[]} changes */
  #changes(changes) {
    const may = mayOpen(this.#context);
    return h("section", {}, h("h3", {}, t("launch.changes")),
      changes.length === 0 ? h("p", { class: "muted" }, t("launch.changes.none"))
        : h("ul", { class: "change-list" }, ...changes.map((change) => h("li", {},
          h("p", {}, moment(change.time), " ", authorText(change.author), " ", changedObject(change, may)),
          change.reason ? h("p", { class: "hint" }, change.reason) : null, fieldChanges(change.fields ?? [])))));
  }
}
