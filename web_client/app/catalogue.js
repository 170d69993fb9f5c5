/** The catalogue: searchable tiles of published applications, and the running sessions to return to. */

import { AccountCare } from "./account_care.js";
import { h } from "../ui/dom.js";
import { brand } from "../ui/theme.js";
import { ApiError } from "./api.js";
import { confirmLogOff } from "./confirm.js";
import { iconOf } from "../ui/icon.js";
import { elapsedText, matches } from "./catalogue_rules.js";
import { KeptCredentials } from "./kept_credentials.js";
import { errorText, t } from "./strings.js";

/** @typedef {import("./api.js").Api} Api */
/** @typedef {import("./api.js").Application} Application */
/** @typedef {import("./api.js").SessionInfo} SessionInfo */
/** @typedef {import("./api.js").Catalogue} Content */

const REFRESH_MS = 15_000;
const REFRESH_WHILE_ENDING_MS = 1000;
const REFRESH_AFTER_FAILURE_MS = 3000;

export class CatalogueView {
  #api;
  #actions;
  /** @type {Content | null} */
  #content = null;
  #timer = 0;
  #listeners = new AbortController();
  #search = h("input", {
    type: "search", "aria-label": t("catalogue.search"), placeholder: t("catalogue.search"), autocomplete: "off",
    spellcheck: "false", enterkeyhint: "go", input: () => this.#showTiles(), keydown: (event) => this.#searchKey(event),
  });
  #tiles = h("div", { class: "tiles" });
  #kept;
  #running = h("section", { class: "running", "aria-labelledby": "running-title", hidden: true });
  #message = h("p", { class: "empty late", role: "status" }, t("catalogue.loading"));
  #hasFailed = false;
  #alert = h("div", { role: "alert", class: "alert" });
  #trial = h("p", { class: "trial", role: "note", hidden: true }, t("catalogue.trial"));

  title = t("catalogue.title");

  /**
   * @param {Api} api
   * @param {object} actions
   * @param {import("./api.js").SignedIn} actions.login
   * @param {string} actions.notice
   * @param {string} actions.over a session that has just ended, though its host may not have reported it yet
   * @param {(application: Application, isRunning: boolean) => void} actions.launch
   * @param {(session: SessionInfo) => void} actions.enter
   * @param {() => void} actions.signOut
   * @param {() => void} actions.signOutEverywhere
   */
  constructor(api, actions) {
    this.#api = api;
    this.#actions = actions;
    this.#kept = new KeptCredentials(api);
    const title = h("h1", { id: "applications-title" }, t("catalogue.title"));
    const applications = h("section", { "aria-labelledby": "applications-title" }, title, this.#message, this.#tiles);
    this.element = h("div", { class: "page catalogue" }, this.#header(),
      h("main", {}, this.#notice(actions.notice), this.#alert, this.#trial, this.#running, applications, this.#kept.element,
        new AccountCare(api, actions.login, actions.signOutEverywhere).element));
    const { signal } = this.#listeners;
    addEventListener("focus", () => this.refresh(), { signal });
    document.addEventListener("visibilitychange", () => this.refresh(), { signal });
    this.refresh();
  }

  /** Not the search for those who were typing elsewhere a moment ago: what they still type would launch something. */
  focus() {
    const notice = /** @type {HTMLElement | null} */ (this.#actions.over && this.element.querySelector(".notice"));
    (notice || this.#search).focus({ preventScroll: true });
  }

  stop() {
    this.#listeners.abort();
    clearTimeout(this.#timer);
  }

  async refresh() {
    clearTimeout(this.#timer);
    try {
      this.#update(await this.#api.catalogue());
      this.#hasFailed = false;
      this.#alert.replaceChildren();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!this.#listeners.signal.aborted) this.#notLoaded(error);
    }
    this.#schedule();
  }

  #schedule() {
    if (this.#listeners.signal.aborted || document.visibilityState !== "visible") return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), this.#pause());
  }

  #pause() {
    if (this.#hasFailed) return REFRESH_AFTER_FAILURE_MS;
    const isEnding = this.#content?.sessions.some(({ state }) => state === "ending");
    return isEnding ? REFRESH_WHILE_ENDING_MS : REFRESH_MS;
  }

  #header() {
    const { user, tenant, theme } = this.#actions.login;
    const who = t("catalogue.user", { user: user.name, tenant: theme?.title || tenant.name });
    return h("header", {}, brand(theme, t("product"), 32),
      h("div", { class: "search" }, this.#search),
      h("div", { class: "account" }, h("span", { class: "who", title: who }, h("span", { class: "visually-hidden" }, who),
        h("span", { "aria-hidden": "true" }, user.name)),
      mayAdminister(this.#actions.login) && h("a", { class: "console-link", href: "admin.html" }, t("catalogue.console")),
      h("button", { type: "button", class: "quiet", click: () => this.#actions.signOut() }, t("catalogue.signout"))));
  }

  /** @param {string} text */
  #notice(text) {
    const notice = h("p", { role: "status", class: "notice", tabindex: "-1", hidden: text === "" }, h("span", {}, text));
    notice.append(h("button", { type: "button", class: "quiet", click: () => notice.remove() }, t("notice.close")));
    return notice;
  }

  /** @param {Content} content */
  #update(content) {
    // Most refreshes bring nothing new: then nothing is touched, and focus and hover stay where they are.
    if (JSON.stringify(content) === JSON.stringify(this.#content)) return;
    this.#content = content;
    const focused = document.activeElement?.getAttribute("data-focus");
    this.#message.classList.remove("late");
    this.#trial.hidden = content.isolation !== "none";
    this.#showSessions(content.sessions.filter(({ id }) => id !== this.#actions.over));
    this.#showTiles();
    this.#kept.show(content.applications);
    if (focused) this.#focusAgain(focused);
  }

  /** What had the focus was made anew. @param {string} name */
  #focusAgain(name) {
    /** @type {HTMLElement | null} */ (this.element.querySelector(`[data-focus="${CSS.escape(name)}"]`))?.focus();
  }

  // --- applications

  #showTiles() {
    if (this.#content === null) return;
    const { applications } = this.#content;
    const shown = this.#shown();
    this.#tiles.replaceChildren(...shown.map((application) => this.#tile(application)));
    if (applications.length === 0) this.#message.textContent = t("catalogue.none");
    else if (shown.length === 0) this.#message.textContent = t("catalogue.nomatch", { text: this.#search.value.trim() });
    else this.#message.textContent = "";
  }

  #shown() {
    return (this.#content?.applications ?? []).filter((application) => matches(application.name, this.#search.value));
  }

  /** @param {Application} application */
  #tile(application) {
    return h("button", {
      type: "button", class: "tile", title: application.name, "data-focus": `tile-${application.id}`,
      click: () => this.#launch(application),
    }, iconOf(application), h("span", { class: "name" }, application.name));
  }

  /** @param {KeyboardEvent} event */
  #searchKey(event) {
    const [first] = this.#shown();
    if (event.key === "Enter" && !event.isComposing && this.#search.value.trim() && first) this.#launch(first);
  }

  /** @param {Application} application */
  #launch(application) {
    const running = this.#content?.sessions.some((each) => each.application.id === application.id && each.state !== "ending");
    this.#actions.launch(application, running === true);
  }

  // --- sessions

  /** @param {SessionInfo[]} sessions */
  #showSessions(sessions) {
    this.#running.hidden = sessions.length === 0;
    this.#running.replaceChildren(
      h("h2", { id: "running-title" }, t("catalogue.running")),
      h("ul", {}, ...sessions.map((session) => this.#session(session))),
    );
  }

  /** @param {SessionInfo} session */
  #session(session) {
    const { application, state, id } = session;
    return h("li", { class: "card session-row" }, iconOf(application),
      h("div", { class: "about" }, h("strong", {}, application.name), h("span", { class: "muted" }, describe(session))),
      state !== "ending" && h("div", { class: "buttons" },
        h("button", {
          type: "button", class: "primary", "data-focus": `return-${id}`,
          "aria-label": t("catalogue.return.to", { name: application.name }), click: () => this.#actions.enter(session),
        }, t("catalogue.return")),
        h("button", {
          type: "button", "data-focus": `logoff-${id}`, "aria-label": t("catalogue.logoff.name", { name: application.name }),
          click: () => this.#logOff(session),
        }, t("catalogue.logoff"))));
  }

  /** @param {SessionInfo} session */
  async #logOff(session) {
    const confirmed = await confirmLogOff(this.element, session.application.name);
    if (!confirmed || this.#listeners.signal.aborted) return;
    try {
      await this.#api.logOff(session.id);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.#alert.replaceChildren(error.code === "signed_out" ? "" : errorText(error));
    }
    await this.refresh();
    this.focus();
  }

  /** @param {ApiError} error */
  #notLoaded(error) {
    if (error.code === "signed_out") return;
    this.#hasFailed = true;
    const again = h("button", { type: "button", click: () => this.refresh() }, t("catalogue.retry"));
    if (this.#content === null) this.#message.textContent = "";
    this.#alert.replaceChildren(h("span", {}, `${t("catalogue.failed")} ${errorText(error)}`), again);
  }
}

/** @param {import("./api.js").SignedIn} login whose broker may be of the release before, which knows but one role */
function mayAdminister({ permissions, role }) {
  return permissions ? permissions.length > 0 : role === "administrator";
}

/** @param {SessionInfo} session */
function describe({ state, host, host_online: isThere = true, created }) {
  if (state === "ending") return t("catalogue.loggingoff");
  const started = typeof created === "number" ? created * 1000 : Date.parse(created);
  const when = elapsedText((Date.now() - started) / 1000, navigator.language);
  const since = state === "pending" || state === "starting" ? t("catalogue.starting") : t("catalogue.started", { when });
  return `${t(isThere ? "catalogue.host" : "catalogue.host.gone", { host })} · ${since}`;
}
