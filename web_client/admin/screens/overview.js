/** The first screen: how the whole is, what is wrong, how the last day went. Every number leads to what it counts. */

import { ApiError } from "../../api/client.js";
import { BarChart } from "../../ui/chart.js";
import { h } from "../../ui/dom.js";
import { meter } from "../cells.js";
import { addressOf } from "../router.js";
import { errorText, STRINGS, t } from "../strings.js";
import { findingList } from "./findings.js";
import { loadText, machineBadge } from "./machine_rules.js";
import { emergency } from "./panic.js";

/** Loads are no records: nobody tells that they changed. */
const REFRESH_MS = 10_000;

/** @typedef {Record<string, any>} Answer */
/** @typedef {import("../context.js").Context} Context */

/** @param {Context} context */
export function open(context) {
  return new Overview(context);
}

class Overview {
  #context;
  #stopping = new AbortController();
  #timer;
  #alert = h("div", { role: "alert", class: "alert" });
  #tiles = h("div", { class: "stat-tiles" });
  #findings = h("section", { class: "findings", "aria-label": t("overview.findings"), hidden: true });
  #refused = h("section", { class: "card-part" });
  #busiest = h("section", { class: "card-part" });
  #launches = new BarChart(t("overview.launches"), chartTexts());
  #signIns = new BarChart(t("overview.signins"), chartTexts());
  /** @type {Map<HTMLElement, string>} */
  #drawn = new Map();
  #isAsking = false;

  /** @param {Context} context */
  constructor(context) {
    this.#context = context;
    this.element = h("div", { class: "overview", tabindex: "-1" }, this.#alert, this.#tiles, this.#findings,
      h("div", { class: "overview-charts" }, this.#launches.element, this.#signIns.element),
      h("div", { class: "overview-lists" }, this.#refused, this.#busiest), ...emergency(context));
    this.#timer = setInterval(() => document.visibilityState === "visible" && this.#refresh(), REFRESH_MS);
    this.#refresh();
  }

  focus() {
    this.element.focus({ preventScroll: true });
  }

  stop() {
    clearInterval(this.#timer);
    this.#stopping.abort();
  }

  moved() {}

  changed() {
    this.#refresh();
  }

  async #refresh() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      this.#show(await this.#context.get("/overview", this.#stopping.signal));
      this.#alert.replaceChildren();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!this.#stopping.signal.aborted) this.#alert.replaceChildren(errorText(error));
    } finally {
      this.#isAsking = false;
    }
  }

  /** @param {Answer} answer */
  #show({ sessions, hosts, applications, users, activity, findings }) {
    const { totals } = activity;
    this.#draw(this.#tiles, [sessions, hosts, applications, users, totals], () => this.#tilesOf(sessions, hosts, applications, users, totals));
    this.#findings.hidden = !findings || findings.length === 0;
    this.#draw(this.#findings, findings ?? [], () => findingList(findings ?? []));
    this.#draw(this.#refused, activity.refused, () => this.#refusals(activity.refused));
    this.#draw(this.#busiest, hosts.busiest, () => this.#hosts(hosts.busiest));
    this.#launches.show(chartOf(activity, ["launch", "launch_refused", "launch_failed"]));
    this.#signIns.show(chartOf(activity, ["sign_in", "sign_in_refused"]));
  }

  /**
   * What did not change is not touched: the focus stays.
   * @param {HTMLElement} element
   * @param {unknown} content
   * @param {() => Node[]} draw
   */
  #draw(element, content, draw) {
    const state = JSON.stringify(content);
    if (this.#drawn.get(element) === state) return;
    this.#drawn.set(element, state);
    const focused = element.contains(document.activeElement) ? document.activeElement?.getAttribute("href") : null;
    element.replaceChildren(...draw());
    if (focused) /** @type {HTMLElement | null} */ (element.querySelector(`[href="${CSS.escape(focused)}"]`))?.focus();
  }

  /** @param {any} sessions @param {any} hosts @param {number} applications @param {number} users @param {Record<string, number>} totals */
  #tilesOf(sessions, hosts, applications, users, totals) {
    const online = hosts.states.online ?? 0;
    const refused = (totals.launch_refused ?? 0) + (totals.launch_failed ?? 0);
    return [
      this.#tile("sessions", t("screen.sessions"), count(sessions.total), statesText(sessions.states, "sessions.state")),
      this.#tile("hosts", t("screen.hosts"), t("overview.of", { part: count(online), whole: count(hosts.total) }), statesText(hosts.states, "machines.state"), online === 0),
      this.#tile("hosts", t("overview.slots"), t("overview.of", { part: count(hosts.sessions), whole: count(hosts.slots) }),
        meter(hosts.sessions, hosts.slots, hosts.slots > 0 ? t("machines.percent", { percent: Math.round((hosts.sessions / hosts.slots) * 100) }) : "")),
      this.#tile("launches", t("overview.launches.day"), count(totals.launch ?? 0), refused > 0 ? t("overview.refused", { count: count(refused) }) : t("overview.norefused")),
      this.#tile("applications", t("screen.applications"), count(applications), ""),
      this.#tile("users", t("screen.users"), count(users), t("overview.signins.day", { count: count(totals.sign_in ?? 0) })),
    ];
  }

  /**
   * @param {string} screen
   * @param {string} title
   * @param {string} value
   * @param {Node | string} more
   * @param {boolean} [isBad]
   */
  #tile(screen, title, value, more, isBad = false) {
    const inside = [h("span", { class: "stat-title" }, title), h("strong", { class: isBad ? "bad" : "" }, value), h("span", { class: "stat-more" }, more)];
    return this.#leadsTo(screen) ? h("a", { class: "stat", href: addressOf(screen) }, ...inside) : h("div", { class: "stat" }, ...inside);
  }

  /** @param {string} screen */
  #leadsTo(screen) {
    /** @type {Record<string, string>} */
    const needs = { sessions: "sessions.read", hosts: "hosts.read", launches: "launches.read", applications: "applications.read", users: "users.read" };
    return this.#context.may(needs[screen]);
  }

  /** @param {{type: string, code: string, count: number}[]} refused */
  #refusals(refused) {
    const rows = refused.slice(0, 8).map(({ type, code, count: number }) => {
      const screen = type.startsWith("launch") ? "launches" : "audit";
      const may = this.#context.may(screen === "launches" ? "launches.read" : "audit.read");
      const name = h("code", {}, code || type);
      return h("tr", {}, h("td", {}, may ? h("a", { href: addressOf(screen, "", { code }) }, name) : name),
        h("td", {}, STRINGS[`overview.type.${type}`] ?? type), h("td", { class: "end" }, count(number)));
    });
    return [h("h2", {}, t("overview.reasons")), rows.length === 0 ? h("p", { class: "muted" }, t("overview.norefused"))
      : h("table", { class: "plain-table" }, h("thead", {}, h("tr", {}, ...["code", "type", "count"].map((name) => h("th", { scope: "col", class: name === "count" ? "end" : "" }, t(`overview.${name}`))))),
        h("tbody", {}, ...rows))];
  }

  /** @param {{name: string, state: string, slots: number, sessions: number, load: number | null}[]} hosts */
  #hosts(hosts) {
    const rows = hosts.map(({ name, state, slots, sessions, load }) => h("tr", {},
      h("td", {}, this.#context.may("hosts.read") ? h("a", { href: addressOf("hosts", name) }, h("bdi", {}, name)) : h("bdi", {}, name)),
      h("td", {}, machineBadge(state)), h("td", {}, meter(sessions, slots, `${sessions} / ${slots}`)), h("td", { class: "end" }, loadText(load))));
    return [h("h2", {}, t("overview.busiest")), rows.length === 0 ? h("p", { class: "muted" }, t("hosts.none"))
      : h("table", { class: "plain-table" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("machines.name")), h("th", { scope: "col" }, t("machines.state")),
        h("th", { scope: "col" }, t("hosts.sessions")), h("th", { scope: "col", class: "end" }, t("machines.load")))),
      h("tbody", {}, ...rows))];
  }
}

/** @param {number} value */
function count(value) {
  return value.toLocaleString();
}

/**
 * @param {Record<string, number>} states
 * @param {string} family of texts
 */
function statesText(states, family) {
  return Object.entries(states).filter(([, number]) => number > 0)
    .map(([state, number]) => `${count(number)} ${(STRINGS[`${family}.${state}`] ?? state).toLowerCase()}`).join(", ");
}

/**
 * @param {Answer} activity
 * @param {string[]} kinds
 */
function chartOf({ start, bucket_seconds: seconds, series }, kinds) {
  return { start, seconds, series: kinds.map((id) => ({ id, title: t(`overview.type.${id}`), values: series[id] ?? [] })) };
}

function chartTexts() {
  /** @param {Date} date */
  const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return {
    total: (/** @type {import("../../ui/chart.js").Series[]} */ series) =>
      t("overview.chart.total", { numbers: series.map(({ title, values }) => `${title} ${count(values.reduce((sum, value) => sum + value, 0))}`).join(", ") }),
    moment: (/** @type {Date} */ from, /** @type {Date} */ to, /** @type {{title: string, value: number}[]} */ numbers) =>
      t("overview.chart.moment", { from: clock(from), to: clock(to), numbers: numbers.map(({ title, value }) => `${title} ${count(value)}`).join(", ") }),
  };
}
