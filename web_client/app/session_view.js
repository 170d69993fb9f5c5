/**
 * One session from the click to its end: the stages of its launch, the application, and what is said when it goes wrong.
 *
 * It owns a core Session and the panels over it; where to go afterwards is the portal's (`actions`).
 */

import { Session } from "../core/session.js";
import { h } from "../ui/dom.js";
import { ApiError } from "./api.js";
import { confirmLogOff } from "./confirm.js";
import { credentialsPanel, focusCredentials } from "./credentials_form.js";
import { factorPanel } from "./factor_panel.js";
import { LaunchPanel } from "./launch_panel.js";
import { failurePanel, reconnectingOverlay, takenOverPanel } from "./panels.js";
import { SessionTools } from "./session_tools.js";
import { errorText, t } from "./strings.js";

/** @typedef {import("./api.js").Api} Api */
/** @typedef {import("./api.js").Application} Application */
/** @typedef {import("./api.js").SessionInfo} SessionInfo */
/**
 * @typedef {object} Actions
 * @property {(notice: string, over?: string) => void} leave to the catalogue; `over`: a session that has just ended
 * @property {(session: SessionInfo) => void} opened the session is known: its address may be shown
 * @property {(code: string) => void} signedOut
 * @property {() => Promise<string | null>} inquire why a connection may have been lost
 * @property {(entered?: import("./api.js").Entered) => Promise<SessionInfo>} start the session to show: launches it, or
 *   finds the running one
 * @property {(anew?: boolean) => void} again from the beginning; `anew`: what signs in to a server is asked once more
 * @property {import("./api.js").Asked | null} asked what a server asks for before the launch
 * @property {string} userName of who is signed in here
 */

/** The session itself is over: nothing went wrong, so the catalogue says so in passing. */
const ENDED = new Set(["session_ended", "session_unknown", "application_closed", "application_exited", "logged_off"]);

/**
 * Attached at these stages, a client gets the first picture as soon as there is one. Earlier, attaching would compete
 * with the start of bus and window manager.
 */
const EARLY = new Set(["display", "application", "window"]);

/** What was entered, or is kept, is perhaps wrong: it is asked for before the next attempt. */
const WRONG_CREDENTIALS = new Set(["credentials_lost", "rdp_sign_in_refused", "rdp_broken_off", "rdp_password_expired"]);

/** Why a screen cannot be seen, as far as there are words for it. */
const COVERS = new Set(["locked", "prompt", "off"]);
const PASSING = new Set(["network", "unavailable"]);
const STAGES_ATTEMPTS = 10;
const STAGES_PAUSE_MS = 1000;

export class SessionView {
  #api;
  #application;
  #actions;
  #display = h("div", { class: "display" });
  #panel = h("div", { class: "panel-place" });
  #overlay;
  #tools;
  /** @type {LaunchPanel} */
  #launch;
  /** @type {Session | null} */
  #session = null;
  #sessionId = "";
  /** Of the launch, for the help desk. */
  #reference = "";
  /** @type {number | undefined} */
  #pixelRatio;
  /** Until the stages have told how the launch came out: they know why, the stream only that it was closed. */
  #isLaunching = true;
  #wasDrawn = false;
  #stopped = new AbortController();

  /**
   * @param {Api} api
   * @param {Application} application
   * @param {boolean} returning
   * @param {Actions} actions
   */
  constructor(api, application, returning, actions) {
    this.#api = api;
    this.#application = application;
    this.#actions = actions;
    this.title = application.name;
    this.#launch = new LaunchPanel(application, { returning, cancel: () => actions.leave("") });
    this.#overlay = reconnectingOverlay(application.name, () => this.#disconnect());
    this.element = h("main", { class: "session" }, this.#display, this.#panel, this.#overlay.element);
    this.#tools = new SessionTools(this.element, {
      name: application.name,
      reference: () => this.#reference,
      disconnect: () => this.#disconnect(),
      logOff: () => this.#logOff(),
    });
    if (actions.asked) {
      this.#askCredentials(actions.asked);
      return;
    }
    this.#panel.append(this.#launch.element);
    this.#start();
  }

  focus() {
    if (this.#launch.element.isConnected) this.#launch.focus();
    else focusCredentials(this.#panel);
  }

  stop() {
    this.#stopped.abort();
    this.#launch.stop();
    this.#session?.close();
    this.#tools.stop();
  }

  // --- launch

  /** @param {import("./api.js").Entered} [entered] */
  async #start(entered) {
    try {
      const session = await this.#actions.start(entered);
      if (this.#isStopped()) return;
      this.#actions.opened(session);
      this.#sessionId = session.id;
      this.#reference = session.reference ?? "";
      this.#pixelRatio = session.device_pixel_ratio;
      this.#session = this.#createSession();
      await this.#followStages();
      this.#isLaunching = false;
      if (!this.#isStopped()) this.#connect();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // Once it was seen, its stream tells how it ends.
      if (!this.#isStopped() && !this.#wasDrawn) this.#failed(error, t("failure.title", { name: this.#application.name }));
    }
  }

  async #followStages() {
    for (let attempt = 1; ; attempt++) {
      try {
        for await (const { stage, position } of this.#api.stages(this.#sessionId, this.#stopped.signal)) this.#reached(stage, position);
        return this.#reached("window");
      } catch (error) {
        // A broker that goes away says nothing about the launch: any other broker can go on telling.
        const isPassing = error instanceof ApiError && PASSING.has(error.code);
        if (!isPassing || attempt === STAGES_ATTEMPTS || this.#isStopped()) throw error;
        this.#launch.explain(t("launch.waiting", { reason: errorText(error) }));
        await new Promise((resolve) => setTimeout(resolve, STAGES_PAUSE_MS));
      }
    }
  }

  /**
   * @param {string} stage
   * @param {number} [position] in line
   */
  #reached(stage, position = 0) {
    if (this.#wasDrawn) return;
    this.#launch.reached(stage, position);
    const { desktop } = this.#application;
    // Somebody's own desktop: nobody can attach before they have agreed, however long they take.
    const isAsking = stage === "display" && desktop;
    if (isAsking && desktop.asks) this.#launch.explain(t("launch.desktop"));
    if (EARLY.has(stage) && !isAsking && this.#session?.state === "idle") this.#session.connect();
  }

  /** Unless it is connected: it may have been refused while the application started. */
  #connect() {
    if (this.#session?.state === "closed") this.#session = this.#createSession();
    if (this.#session?.state === "idle") this.#session.connect();
  }

  #createSession() {
    const id = this.#sessionId;
    const session = new Session({
      element: this.#display,
      gateways: this.#api.gateways,
      sessionId: id,
      key: this.#api.key,
      pixelRatio: this.#pixelRatio,
      ticket: () => this.#api.ticket(id),
      renewGrant: (e) => this.#api.renewGrant(id, e),
      inquire: this.#actions.inquire,
      label: t("session.label", { name: this.#application.name, keys: t("toolbar.keys") }),
      reserved: (event) => this.#tools.reserved(event),
    });
    const { signal } = this.#stopped;
    this.#tools.use(session, signal);
    const listen = (/** @type {string} */ type, /** @type {(detail: any) => void} */ act) =>
      session.addEventListener(type, (event) => act(/** @type {CustomEvent} */ (event).detail), { signal });
    listen("state", ({ state, code }) => this.#stateChanged(state, code));
    listen("drawn", () => this.#drawn());
    listen("title", ({ title }) => this.#titled(title));
    listen("message", ({ text }) => this.#notice(t("notice.message", { text })));
    listen("covered", ({ reason }) => this.#covered(reason));
    listen("notice", ({ code }) => this.#notice(t(`notice.${code}`)));
    return session;
  }

  // --- while it runs

  #drawn() {
    this.#wasDrawn = true;
    this.#isLaunching = false;
    this.#launch.stop();
    this.#panel.replaceChildren();
    this.#tools.place();
    this.#session?.focus();
  }

  /** @param {string} title */
  #titled(title) {
    document.title = title || this.#application.name;
  }

  /**
   * @param {string} state
   * @param {string} code
   */
  #stateChanged(state, code) {
    this.#overlay.show(state === "reconnecting" && this.#wasDrawn, code);
    const isWaiting = state === "connecting" || state === "reconnecting";
    if (isWaiting && code && !this.#wasDrawn) this.#launch.explain(t("launch.waiting", { reason: errorText({ code }) }));
    if (state === "closed") this.#closed(code);
  }

  #disconnect() {
    this.stop();
    this.#actions.leave(t("notice.disconnected", { name: this.#application.name }));
  }

  async #logOff() {
    this.#tools.remove();
    const confirmed = await confirmLogOff(this.element, this.#application.name);
    if (this.#isStopped()) return;
    this.#tools.place();
    if (!confirmed) return this.#session?.focus();
    try {
      await this.#api.logOff(this.#sessionId);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.#notice(errorText(error));
    }
    this.stop();
    this.#actions.leave(t("notice.loggedoff", { name: this.#application.name }), this.#sessionId);
  }

  /** Once, however often it happens. @param {string} text */
  #notice(text) {
    for (const shown of this.element.querySelectorAll(".notice")) if (shown.firstChild?.textContent === text) return;
    const close = () => {
      notice.remove();
      this.#session?.focus();
    };
    const notice = h("p", { role: "status", class: "notice floating" }, h("span", {}, text),
      h("button", { type: "button", class: "quiet", click: close }, t("notice.close")));
    this.element.append(notice);
  }

  /** For as long as it is so: the picture stands still meanwhile. @param {string} reason */
  #covered(reason) {
    this.element.querySelector(".covered")?.remove();
    if (reason === "") return;
    const known = COVERS.has(reason) ? reason : "other";
    this.element.append(h("p", { role: "status", class: "notice floating covered" }, t(`covered.${known}`)));
  }

  // --- its end

  /** @param {string} code */
  #closed(code) {
    if (this.#isLaunching && ENDED.has(code)) return;
    const { name } = this.#application;
    this.#tools.remove();
    if (code === "signed_out" || code === "signature_refused") this.#actions.signedOut(code);
    else if (ENDED.has(code)) this.#ended();
    else if (code === "taken_over") this.#show(takenOverPanel(name, this.#actions.again, () => this.#actions.leave("")));
    else if (code !== "disconnected") this.#failed(new ApiError(code, ""), t("failure.title.lost", { name }));
  }

  async #ended() {
    const { name } = this.#application;
    const ending = await this.#api.endingOf(this.#sessionId);
    if (this.#isStopped()) return;
    if (ending.code !== "" && !ENDED.has(ending.code)) return this.#failed(ending, t("failure.title.lost", { name }));
    const isLoggedOff = ending.code === "logged_off";
    this.#actions.leave(t(isLoggedOff ? "notice.loggedoff.elsewhere" : "notice.ended", { name }), this.#sessionId);
  }

  /**
   * @param {ApiError} error
   * @param {string} title
   */
  #failed(error, title) {
    if (error.code === "signed_out") return this.#actions.signedOut(error.code);
    this.#launch.stop();
    if (error.code === "factor_needed") return this.#askFactor();
    const { credentials } = this.#application;
    if (error.code === "credentials_needed" && credentials) return this.#askCredentials(credentials);
    this.#session?.close();
    const anew = WRONG_CREDENTIALS.has(error.code);
    const reload = error.code === "version_unsupported";
    this.#show(failurePanel(title, error, {
      back: () => this.#actions.leave(""),
      again: reload ? () => location.reload() : () => this.#actions.again(anew),
      againText: reload ? t("failure.reload") : t("failure.again"),
      anew: error.session === "" ? undefined : () => this.#startAnew(error.session),
    }));
  }

  /** Before the launch, or once it was refused for want of them. @param {import("./api.js").Asked} asked */
  #askCredentials(asked) {
    const { id, name } = this.#application;
    this.#show(credentialsPanel(name, asked, {
      userName: this.#actions.userName,
      submit: async (entered, keep) => {
        if (keep) await this.#api.keepCredentials(id, entered);
        if (this.#isStopped()) return;
        this.#panel.replaceChildren(this.#launch.element);
        this.#launch.reached(null);
        this.#launch.focus();
        this.#start(keep ? undefined : entered);
      },
      back: () => this.#actions.leave(""),
    }));
    focusCredentials(this.#panel);
  }

  #askFactor() {
    this.#show(factorPanel(this.#application.name, {
      prove: (code) => this.#api.proveFactor(code),
      proven: () => this.#actions.again(),
      back: () => this.#actions.leave(""),
    }));
    this.#panel.querySelector("input")?.focus();
  }

  /** The session runs on a host that does not answer: its user gives it up. @param {string} sessionId */
  async #startAnew(sessionId) {
    try {
      await this.#api.logOff(sessionId);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code !== "session_unknown") return this.#notice(errorText(error));
    }
    if (!this.#isStopped()) this.#actions.again();
  }

  /**
   * The panel itself takes the focus from an application in use: a button would take the Enter that was on its way.
   * @param {HTMLElement} panel
   */
  #show(panel) {
    this.#panel.replaceChildren(panel);
    (this.#wasDrawn ? panel : panel.querySelector("button"))?.focus();
  }

  #isStopped() {
    return this.#stopped.signal.aborted;
  }
}
