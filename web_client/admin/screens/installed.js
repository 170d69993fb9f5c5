/** What is installed on a host, or on the hosts of a group: looked through, and published. */

import { ApiError } from "../../api/client.js";
import { DataTable } from "../../ui/data_table.js";
import { showDialog } from "../../ui/dialog.js";
import { h } from "../../ui/dom.js";
import { emptyQuery, queryFrom } from "../../ui/list_query.js";
import { badge, facts, names } from "../cells.js";
import { labelled } from "../labelled.js";
import { fieldOf, shortList } from "../lists.js";
import { addressOf } from "../router.js";
import { counted, errorText, t } from "../strings.js";
import { commandText } from "./application_rules.js";
import { InstalledIcons } from "./installed_icons.js";
import { publishInstalled } from "./installed_publish.js";
import { parameterOf, whereOf } from "./installed_rules.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../router.js").Place} Place */
/** @typedef {import("./installed_rules.js").Installed} Installed */
/** @typedef {import("./installed_rules.js").Where} Where */
/** @typedef {{name: string, groups: string[], online: boolean}} Host */

const FILTERS = ["state", "spread"];
/** As many as a form still shows. */
const MOST_PUBLISHED = 100;

/**
 * @param {Context} context
 * @param {Place} place
 */
export function open(context, place) {
  return new InstalledScreen(context, place);
}

class InstalledScreen {
  #context;
  /** @type {Where} */
  #where;
  #icons;
  #stopping = new AbortController();
  /** @type {Promise<Installed[]> | null} */
  #read = null;
  #chooser = h("select", { id: "installed-where", change: () => this.#choose() }, h("option", { value: "" }, t("installed.choose")));
  #note = h("p", { class: "hint", role: "status" });
  #holder = h("div", { class: "installed-list" });
  /** @type {DataTable<Installed> | null} */
  #table = null;

  /**
   * @param {Context} context
   * @param {Place} place
   */
  constructor(context, place) {
    this.#context = context;
    this.#where = whereOf(place.query);
    this.#icons = new InstalledIcons(context);
    this.element = h("div", { class: "screen installed" },
      h("div", { class: "installed-head" }, labelled(t("installed.where"), this.#chooser), this.#note), this.#holder);
    this.#fill();
    this.#show(place);
  }

  focus() {
    if (this.#table === null) this.#chooser.focus();
    else this.#table.focus();
  }

  stop() {
    this.#stopping.abort();
    this.#table?.stop();
    this.#icons.stop();
  }

  /** @param {Place} place */
  moved(place) {
    const where = whereOf(place.query);
    if (JSON.stringify(where) !== JSON.stringify(this.#where)) {
      this.#where = where;
      this.#show(place);
    } else this.#table?.ask(queryFrom(place.query, FILTERS));
  }

  /** What is published of it may be otherwise; the hosts are asked again. @param {Set<string> | null} kinds */
  changed(kinds) {
    if (kinds !== null && !kinds.has("application")) return;
    this.#read = null;
    this.#table?.refresh();
  }

  search() {
    this.#table?.focusSearch();
  }

  /** @param {number} by */
  move(by) {
    this.#table?.focus();
    this.#table?.move(by);
  }

  // --- where

  async #fill() {
    try {
      const { items } = await this.#context.get("/hosts", this.#stopping.signal);
      this.#offer(items);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!this.#stopping.signal.aborted) this.#note.textContent = errorText(error);
    }
  }

  /** @param {Host[]} hosts */
  #offer(hosts) {
    const groups = Array.from(new Set(hosts.flatMap((host) => host.groups))).sort();
    /** @param {string} label @param {string} kind @param {{name: string, text?: string}[]} all */
    const some = (label, kind, all) => all.length > 0 && h("optgroup", { label }, ...all.map(({ name, text = name }) => h("option", { value: kind + name }, text)));
    this.#chooser.append(...[
      some(t("screen.hosts"), "h", hosts.map(({ name, online }) => ({ name, text: online ? name : t("installed.offline", { name }) }))),
      some(t("screen.hostgroups"), "g", groups.map((name) => ({ name }))),
    ].filter((each) => each !== false));
    if (hosts.length === 0) this.#note.textContent = t("installed.nohost");
    const online = hosts.filter((host) => host.online);
    if (this.#where.host === "" && this.#where.group === "" && online.length === 1) this.#go({ host: online[0].name, group: "" });
    this.#showChosen();
  }

  #showChosen() {
    const { host, group } = this.#where;
    this.#chooser.value = group ? `g${group}` : host ? `h${host}` : "";
  }

  #choose() {
    const [kind, name] = [this.#chooser.value.slice(0, 1), this.#chooser.value.slice(1)];
    this.#go({ host: kind === "h" ? name : "", group: kind === "g" ? name : "" });
  }

  /** @param {Where} where */
  #go(where) {
    this.#context.go(addressOf("installed", "", parameterOf(where)));
  }

  // --- list

  /** @param {Place} place */
  #show({ query }) {
    this.#table?.stop();
    this.#table = null;
    this.#read = null;
    this.#note.textContent = "";
    this.#showChosen();
    const { host, group } = this.#where;
    if (host === "" && group === "") return this.#holder.replaceChildren(h("p", { class: "muted" }, t("installed.explain")));
    this.#table = this.#newTable(query);
    this.#holder.replaceChildren(this.#table.element);
  }

  /** @param {URLSearchParams} query @returns {DataTable<Installed>} */
  #newTable(query) {
    const { group } = this.#where;
    const own = queryFrom(query, FILTERS);
    const isFresh = own.search === "" && Object.keys(own.filters).length === 0;
    return new DataTable({
      texts: t, label: t("screen.installed"), search: t("installed.search"), columns: this.#columns(), key: ({ id, command }) => [id, ...command].join("\n"),
      load: shortList(() => this.#items(), valueOf, ["name", "comment", "command", "keywords", "id"]),
      open: (item) => this.#details(item),
      filters: [
        { id: "state", title: t("installed.state"), options: () => ["new", "published"].map((value) => ({ value, title: t(`installed.state.${value}`) })) },
        ...(group ? [{ id: "spread", title: t("installed.spread"), options: () => ["all", "some"].map((value) => ({ value, title: t(`installed.spread.${value}`) })) }] : []),
      ],
      acts: [{ id: "publish", title: t("installed.publish"), run: (items) => this.#publish(items) }],
      query: isFresh && group ? { ...emptyQuery(), filters: { spread: ["all"] } } : own,
      asked: ({ search, sort, filters }) => this.#say(search, sort, filters),
      empty: () => h("p", {}, t("installed.none")),
      failed: errorText,
    });
  }

  /**
   * @param {string} search
   * @param {string} sort
   * @param {Record<string, string[]>} filters
   */
  #say(search, sort, filters) {
    const query = new URLSearchParams(parameterOf(this.#where));
    if (search) query.set("search", search);
    if (sort) query.set("sort", sort);
    for (const name of FILTERS) for (const value of filters[name] ?? []) query.append(name, value);
    this.#context.say(addressOf("installed", "", query));
  }

  /** Asked once for all pages and orders. @returns {Promise<Installed[]>} */
  #items() {
    this.#read ??= this.#ask();
    const read = this.#read;
    read.catch(() => {
      if (this.#read === read) this.#read = null; // to be tried again
    });
    return read;
  }

  async #ask() {
    const query = new URLSearchParams({ ...parameterOf(this.#where), locale: navigator.language });
    const { items, hosts } = await this.#context.get(`/installed?${query}`, this.#stopping.signal);
    this.#tell(hosts);
    return items;
  }

  /** Who did not answer, and who had more than is told. @param {{name: string, outcome: string, left_out: number}[]} hosts */
  #tell(hosts) {
    const silent = hosts.filter(({ outcome }) => outcome !== "done").map(({ name }) => name);
    const more = hosts.filter(({ left_out: count }) => count > 0).map(({ name }) => name);
    this.#note.textContent = [
      this.#where.group && counted(hosts.length - silent.length, "installed.answered"),
      silent.length > 0 && t("installed.silent", { names: silent.join(", ") }),
      more.length > 0 && t("installed.more", { names: more.join(", ") }),
    ].filter(Boolean).join(" ");
  }

  /** @returns {import("../../ui/grid_view.js").Column<Installed>[]} */
  #columns() {
    return [
      {
        id: "name", title: t("applications.name"), width: "minmax(11rem, 2fr)", text: ({ name }) => name,
        cell: (item) => h("span", { class: "with-icon" }, this.#icons.element(item), h("bdi", {}, item.name)),
      },
      { id: "published", title: t("installed.state"), width: "minmax(7rem, 1fr)", text: ({ published }) => published.join(", "), cell: (item) => stateOf(item, this.#where.group !== "") },
      { id: "comment", title: t("installed.comment"), width: "minmax(9rem, 2fr)", shown: "wide", text: ({ comment }) => comment },
      {
        id: "command", title: t("applications.command"), width: "minmax(9rem, 2fr)", shown: "wide",
        text: ({ command }) => commandText(command), cell: ({ command }) => h("code", {}, commandText(command)),
      },
      { id: "categories", title: t("installed.categories"), width: "minmax(7rem, 1fr)", shown: "wide", sortable: false, text: ({ categories }) => categories.join(", ") },
    ];
  }

  // --- acts

  /** @param {Installed[]} items */
  #publish(items) {
    if (items.length > MOST_PUBLISHED) {
      this.#context.toasts.show(t("installed.many", { count: MOST_PUBLISHED }), { bad: true });
      return false;
    }
    return publishInstalled(this.#context, items, this.#where.group, this.#icons);
  }

  /** @param {Installed} item */
  #details(item) {
    return showDialog(item.name, (close) => [
      facts([
        [t("installed.comment"), item.comment],
        [t("applications.command"), h("code", {}, commandText(item.command))],
        [t("installed.folder"), item.working_directory],
        [t("installed.terminal"), item.terminal && t("yes")],
        [t("installed.categories"), item.categories.join(", ")],
        [t("installed.types"), item.mime_types.join(", ")],
        [t("installed.class"), item.window_class],
        [t("installed.id"), h("code", {}, item.id)],
        [t("installed.published.as"), item.published.length > 0 && names(item.published, "")],
        [t("installed.missing"), item.missing.length > 0 && names(item.missing, "")],
      ]),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "primary", click: () => {
          close();
          this.#publish([item]);
        } }, t("installed.publish")),
        h("button", { type: "button", autofocus: true, click: () => close() }, t("installed.close"))),
    ], "wide");
  }
}

/**
 * @param {Installed} item
 * @param {boolean} isOfGroup
 */
function stateOf({ published, missing }, isOfGroup) {
  if (published.length > 0) return badge("ok", t("installed.state.published"));
  return isOfGroup && missing.length > 0 ? badge("warn", t("installed.spread.some")) : "";
}

/** @param {Installed} item @param {string} field */
function valueOf(item, field) {
  if (field === "state") return item.published.length > 0 ? "published" : "new";
  if (field === "spread") return item.missing.length > 0 ? "some" : "all";
  return field === "command" ? item.command.join(" ") : fieldOf(item, field);
}
