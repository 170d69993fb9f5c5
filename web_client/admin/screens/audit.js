/** What happened, who did it and from where: searched, followed while it happens, exported. */

import { ApiError } from "../../api/client.js";
import { h } from "../../ui/dom.js";
import { saveFile } from "../../ui/save_file.js";
import { badge } from "../cells.js";
import { moment, valueText } from "../changes.js";
import { CursorList, paged } from "../cursor_list.js";
import { Filters } from "../filters.js";
import { mayOpen } from "../links.js";
import { addressOf } from "../router.js";
import { STRINGS, errorText, t } from "../strings.js";
import { objectAddress } from "../walkthrough_rules.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../router.js").Place} Place */
/**
 * @typedef {object} Event
 * @property {string} id
 * @property {number} time
 * @property {string} type
 * @property {{user: string, id: string, token: string, address: string}} actor
 * @property {{kind: string, id: string, name: string}} object
 * @property {string} code
 * @property {string} reason
 * @property {number} revision
 * @property {string} reference
 * @property {Record<string, unknown>} detail
 */

const TYPES = [
  "sign_in", "sign_in_refused", "sign_out", "launch", "launch_refused", "launch_failed", "session_ended", "session", "change", "change_refused",
  "revocation", "entry", "token", "drain", "probe",
  "desktop_asked", "desktop_agreed", "desktop_attached",
];
const FOLLOW_MS = 2000;
const FOLLOWED = 50;

/** @param {Context} context @param {Place} place */
export function open(context, place) {
  return new AuditScreen(context, place);
}

class AuditScreen {
  #context;
  #filters;
  #list;
  #timer = 0;
  #stopped = new AbortController();
  #follow = h("button", { type: "button", "aria-pressed": "false", click: () => this.#toggle() }, t("audit.follow"));
  #alert = h("div", { role: "alert", class: "alert" });

  /** @param {Context} context @param {Place} place */
  constructor(context, { query }) {
    this.#context = context;
    this.#filters = new Filters(context.client, filters(context.may("platform.site.read")), query, (parameters) => this.#asked(parameters));
    /** @type {CursorList<Event>} */
    this.#list = new CursorList({
      label: t("screen.audit"), empty: t("audit.none"), columns: columns(mayOpen(context)),
      load: (before, limit, signal) => this.#load(before, limit, signal),
    });
    this.element = h("div", { class: "screen audit" },
      h("div", { class: "screen-head" }, h("div", { class: "buttons" }, this.#follow, this.#export("csv"), this.#export("jsonl"))),
      this.#filters.element, this.#alert, this.#list.element);
    this.#list.refresh();
  }

  focus() {
    this.#list.element.focus({ preventScroll: true });
  }

  stop() {
    this.#stopped.abort();
    clearTimeout(this.#timer);
    this.#filters.stop();
    this.#list.stop();
  }

  /**
   * @param {string} before
   * @param {number} limit
   * @param {AbortSignal} signal
   */
  async #load(before, limit, signal) {
    const answer = await this.#context.client.get(this.#path(paged(this.#filters.query, before, limit)), signal);
    const note = answer.missing?.length > 0 ? t("audit.missing", { brokers: answer.missing.join(", ") }) : "";
    return { items: answer.items, before: answer.before ?? "", note };
  }

  /** Events of the whole site are of no organisation. @param {URLSearchParams} query */
  #path(query) {
    const isSite = query.get("of") === "site";
    query.delete("of");
    return `/${isSite ? "platform" : "admin"}/audit?${query}`;
  }

  /** @param {URLSearchParams} parameters */
  #asked(parameters) {
    this.#context.say(addressOf("audit", "", parameters));
    this.#list.refresh(true);
  }

  /** @param {Place} place */
  moved({ query }) {
    this.#filters.fill(query);
    this.#list.refresh(true);
  }

  // --- as it happens

  #toggle() {
    const follows = this.#follow.getAttribute("aria-pressed") === "false";
    this.#follow.setAttribute("aria-pressed", String(follows));
    clearTimeout(this.#timer);
    if (follows) this.#look();
  }

  async #look() {
    const newest = this.#list.items[0]?.id ?? "";
    try {
      const { items } = await this.#load("", FOLLOWED, this.#stopped.signal);
      this.#alert.replaceChildren();
      if (this.#list.items[0]?.id === newest || newest === "") this.#list.prepend(items.filter((/** @type {Event} */ { id }) => id > newest));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#alert.textContent = errorText(error);
    }
    if (this.#stopped.signal.aborted || this.#follow.getAttribute("aria-pressed") === "false") return;
    this.#timer = setTimeout(() => this.#look(), FOLLOW_MS);
  }

  // --- as a file

  /** @param {"csv" | "jsonl"} format */
  #export(format) {
    const button = h("button", { type: "button", click: async () => {
      button.setAttribute("aria-busy", "true");
      await this.#download(format);
      button.removeAttribute("aria-busy");
    } }, t(`audit.${format}`));
    return button;
  }

  /** @param {"csv" | "jsonl"} format */
  async #download(format) {
    const query = this.#filters.query;
    query.set("format", format);
    try {
      const response = await this.#context.client.fetch("GET", this.#path(query), {});
      saveFile(`audit.${format}`, await response.blob());
      this.#alert.replaceChildren();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#alert.textContent = errorText(error);
    }
  }
}

/**
 * @param {boolean} maySeeSite
 * @returns {import("../filters.js").Filter[]}
 */
function filters(maySeeSite) {
  return [
    ...(maySeeSite ? [/** @type {import("../filters.js").Filter} */ ({ name: "of", label: t("audit.of"), type: "select", any: t("audit.tenant"), options: [["site", t("audit.thesite")]] })] : []),
    { name: "text", label: t("audit.text"), type: "search" },
    { name: "type", label: t("audit.type"), type: "select", options: TYPES.map((type) => [type, t(`event.${type}`)]) },
    { name: "user", label: t("audit.user"), type: "text", suggest: "/admin/users" },
    { name: "object", label: t("audit.object"), type: "text" },
    { name: "code", label: t("audit.code"), type: "text" },
    { name: "from", label: t("audit.from"), type: "datetime-local" },
    { name: "to", label: t("audit.to"), type: "datetime-local" },
  ];
}

/**
 * @param {(address: string) => boolean} may
 * @returns {import("../cursor_list.js").CursorColumn<Event>[]}
 */
function columns(may) {
  return [
    { title: t("audit.time"), cell: ({ time }) => moment(time) },
    { title: t("audit.type"), cell: ({ type, code }) => h("span", {}, badge(/refused|failed/.test(type) || (type === "probe" && code !== "") ? "bad" : "ok", typeText(type)),
      code !== "" && " ", code !== "" && h("code", {}, code)) },
    { title: t("audit.user"), cell: ({ actor }) => actorText(actor) },
    { title: t("audit.object"), cell: ({ object }) => objectText(object, may) },
    { title: t("audit.more"), class: "wide", cell: (event) => more(event, may) },
  ];
}

/** @param {string} type */
function typeText(type) {
  return STRINGS[`event.${type}`] ?? type;
}

/** @param {Event["actor"]} actor */
function actorText({ user, token, address }) {
  return h("span", {}, h("bdi", {}, user || t("audit.site")), token !== "" && " ", token !== "" && h("span", { class: "tag", title: token }, t("audit.token", { token: token.slice(0, 6) })),
    address !== "" && h("span", { class: "hint" }, ` ${address}`));
}

/**
 * @param {Event["object"]} object
 * @param {(address: string) => boolean} may
 */
function objectText({ kind, name, id }, may) {
  if (kind === "") return "";
  const address = objectAddress(`${kind}:${name}`);
  const shown = h("bdi", {}, name || id);
  return h("span", {}, `${kind} `, name !== "" && address !== "" && may(address) ? h("a", { href: address }, shown) : shown);
}

/**
 * @param {Event} event
 * @param {(address: string) => boolean} may
 */
function more({ type, reason, reference, revision, detail }, may) {
  const launch = addressOf("launches", reference);
  /** @type {[string, import("../../ui/dom.js").Child][]} */
  const facts = [
    ...(revision > 0 ? [/** @type {[string, string]} */ ([t("audit.revision"), String(revision)])] : []),
    ...Object.entries(detail).map(([name, value]) => /** @type {[string, string]} */ ([name, valueText(value)])),
  ];
  return h("div", { class: "event-more" }, reason !== "" && h("bdi", {}, reason), reason !== "" && " ",
    reference !== "" && (type.startsWith("launch") && may(launch) ? h("a", { href: launch }, h("code", {}, reference)) : h("code", {}, reference)),
    facts.length > 0 && h("details", {}, h("summary", {}, t("audit.detail")),
      h("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]))));
}
