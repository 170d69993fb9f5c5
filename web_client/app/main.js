/**
 * The portal: who is signed in, and which view is shown. Views are objects with `element`, `title`, `focus` and `stop`.
 *
 * The address decides: `#/session/<id>` is that session, everything else the catalogue; without a login both are the
 * sign-in page, and the address waits. `#/enrol/<token>` sets up an account, whoever is signed in; `#/admin/…` is a place
 * in the console, which is a page of its own. Windows of the same login hear of each other's sign-out.
 */

import { prepare } from "../core/session.js";
import { h } from "../ui/dom.js";
import { applyTheme } from "../ui/theme.js";
import { Api, ApiError } from "./api.js";
import { CatalogueView } from "./catalogue.js";
import { describeDisplay } from "./environment.js";
import { forgetToken, isEnrolment, takeToken } from "./enrolment_link.js";
import { deleteKey, loadKey, saveKey } from "../api/key_store.js";
import { SessionView } from "./session_view.js";
import { SignIn } from "./signin.js";
import { errorText, t } from "./strings.js";

/** @typedef {import("./api.js").SignedIn} SignedIn */
/** @typedef {import("./api.js").Application} Application */
/** @typedef {import("./api.js").SessionInfo} SessionInfo */
/** @typedef {import("./api.js").Asked} Asked */
/** @typedef {import("./api.js").Entered} Entered */
/** @typedef {import("./enrolment.js").Invitation} Invitation */
/** @typedef {{element: HTMLElement, title: string, focus: () => void, stop: () => void}} View */

const CATALOGUE = "#/";
const CONSOLE = "admin.html";

class Portal {
  #api = new Api();
  #root;
  #channel = new BroadcastChannel("portcullis");
  /** @type {SignedIn | null} */
  #login = null;
  /** @type {View | null} */
  #view = null;
  /** The session that the view shows, so that its own address does not open it again. */
  #shownSession = "";
  #isEnrolling = false;
  /** Of the tenant whose page this is, or of the product. */
  #name = t("product");

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#api.onsignedout = () => this.#signedOut(t("error.signed_out"));
    this.#channel.onmessage = ({ data }) => this.#heard(data);
    addEventListener("hashchange", () => {
      if (isEnrolment() || this.#isEnrolling) this.start();
      else this.#route();
    });
  }

  async start() {
    this.#isEnrolling = isEnrolment();
    if (this.#isEnrolling) return this.#showEnrolment();
    this.#showLoading();
    try {
      const [answer, key] = await Promise.all([this.#api.whoAmI(), loadKey()]);
      // A login whose key this browser does not have can do nothing here: sign in anew.
      if (!answer.signed_in || key === undefined) return this.#showSignIn("organisations" in answer ? answer : {}, "");
      this.#api.use(key);
      this.#login = answer;
      this.#dress(answer.theme);
      this.#route();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#showUnreachable(error);
    }
  }

  // --- setting up an account

  async #showEnrolment() {
    this.#shownSession = "";
    this.#showLoading();
    // Hardly anybody needs it, and then once.
    const { EnrolmentView } = await import("./enrolment.js");
    this.#show(new EnrolmentView(this.#api, { token: takeToken(), done: (invitation) => this.#enrolled(invitation) }));
  }

  /** Whoever is signed in here makes room for the one who was set up. @param {Invitation | null} invitation */
  async #enrolled(invitation) {
    forgetToken();
    history.replaceState(null, "", CATALOGUE);
    if (invitation === null) return this.start();
    this.#isEnrolling = false;
    this.#showLoading();
    try {
      const [answer, key] = await Promise.all([this.#api.whoAmI(), loadKey()]);
      if (answer.signed_in && key !== undefined) await this.#leaveLogin(key);
      const { organisations = [], theme = null } = "organisations" in answer ? answer : {};
      this.#showSignIn({ organisations, theme }, t("notice.enrolled"), invitation);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#showUnreachable(error);
    }
  }

  /** @param {CryptoKeyPair} key */
  async #leaveLogin(key) {
    this.#login = null;
    this.#api.use(key);
    await this.#api.signOut();
    await deleteKey();
    this.#channel.postMessage("signed_out");
  }

  // --- signing in and out

  /**
   * @param {{organisations?: string[], theme?: import("../ui/theme.js").Theme | null}} answer
   * @param {string} notice
   * @param {Invitation | null} [invitation] of the account that was just set up
   */
  #showSignIn({ organisations = [], theme = null }, notice, invitation = null) {
    this.#login = null;
    this.#shownSession = "";
    this.#dress(theme);
    this.#show(new SignIn(this.#api, {
      organisations, theme, notice, known: invitation ?? organisationOfAddress(), done: (login, key) => this.#signedIn(login, key),
    }));
  }

  /**
   * @param {SignedIn} login
   * @param {CryptoKeyPair} key
   */
  async #signedIn(login, key) {
    await saveKey(key);
    this.#login = login;
    this.#dress(login.theme);
    if (organisationOfAddress()) history.replaceState(null, "", CATALOGUE);
    this.#channel.postMessage("signed_in");
    const { recovery_codes_left: left, failed_sign_ins: failed } = login;
    const notices = [left !== undefined && t("notice.recovery", { left }), failed !== undefined && t("notice.failed", { failed })];
    this.#route(notices.filter(Boolean).join(" "));
  }

  /** @param {() => Promise<void>} [act] */
  async #signOut(act = () => this.#api.signOut()) {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // Without an answer the login lives on at the broker: say so rather than pretend.
      if (error.code === "network" || error.status >= 500) return this.#leaveTo(errorText(error));
    }
    this.#channel.postMessage("signed_out");
    history.replaceState(null, "", CATALOGUE);
    await this.#signedOut(t("notice.signedout"));
  }

  /** @param {string} notice */
  async #signedOut(notice) {
    if (this.#login === null) return;
    this.#login = null;
    this.#api.use(null);
    await deleteKey();
    const answer = await this.#api.whoAmI().catch(() => ({ organisations: [] }));
    this.#showSignIn("organisations" in answer ? answer : {}, notice);
  }

  /** @param {string} message from another window */
  #heard(message) {
    if (this.#isEnrolling) return; // it concerns no login, and what was shown once must stay
    if (message === "signed_out") this.#signedOut(t("notice.signedout.elsewhere"));
    else if (message === "signed_in") location.reload();
  }

  // --- views

  /** @param {string} [notice] */
  #route(notice = "") {
    if (this.#login === null) return;
    const place = /^#\/admin(\/.*)?$/s.exec(location.hash);
    if (place) return location.replace(`${CONSOLE}#${place[1] ?? "/"}`);
    const id = /^#\/session\/([0-9a-f]{16})$/.exec(location.hash)?.[1] ?? "";
    if (id && id === this.#shownSession) return;
    if (id) this.#openSession(id);
    else this.#showCatalogue(notice);
  }

  /**
   * @param {string} notice
   * @param {string} [over] a session that has just ended
   */
  #leaveTo(notice, over) {
    if (location.hash !== CATALOGUE) history.pushState(null, "", CATALOGUE);
    if (this.#login !== null) this.#showCatalogue(notice, over);
  }

  /**
   * @param {string} notice
   * @param {string} [over]
   */
  #showCatalogue(notice, over = "") {
    this.#shownSession = "";
    this.#show(new CatalogueView(this.#api, {
      login: /** @type {SignedIn} */ (this.#login),
      notice,
      over,
      launch: (application, isRunning) => this.#launch(application, isRunning ? null : asked(application)),
      enter: (session) => this.#enter(session),
      signOut: () => this.#signOut(),
      signOutEverywhere: () => this.#signOut(() => this.#api.signOutEverywhere()),
    }));
    prepare();
  }

  /**
   * @param {Application} application
   * @param {Asked | null} first what is asked before
   */
  #launch(application, first) {
    /** @param {Entered} [entered] */
    const start = async (entered) => (await this.#api.launch(application.id, await describeDisplay(), entered)).session;
    this.#showSession(application, false, start, (anew = false) => this.#launch(application, anew ? application.credentials ?? null : asked(application)), first);
  }

  /** @param {SessionInfo} session */
  #enter(session) {
    this.#addressOf(session.id);
    this.#showSession(session.application, true, async () => session, () => this.#enter(session));
  }

  /** A session by its address alone: after a reload, or a closed tab. @param {string} id */
  async #openSession(id) {
    this.#shownSession = id;
    this.#showLoading();
    const isStillWanted = () => this.#login !== null && this.#shownSession === id;
    try {
      const { sessions } = await this.#api.catalogue();
      if (!isStillWanted()) return;
      const session = sessions.find((each) => each.id === id);
      if (session) this.#enter(session);
      else this.#leaveTo(t("notice.unknown"));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (isStillWanted()) this.#showUnreachable(error);
    }
  }

  /**
   * @param {Application} application
   * @param {boolean} returning
   * @param {(entered?: Entered) => Promise<SessionInfo>} start
   * @param {(anew?: boolean) => void} again
   * @param {Asked | null} [first]
   */
  #showSession(application, returning, start, again, first = null) {
    this.#show(new SessionView(this.#api, application, returning, {
      start,
      again,
      asked: first,
      userName: this.#login?.user.name ?? "",
      opened: (session) => this.#addressOf(session.id),
      leave: (notice, over) => this.#leaveTo(notice, over),
      signedOut: (code) => this.#signedOut(errorText({ code })),
      inquire: () => this.#inquire(),
    }));
  }

  /** Why a stream may have ended, asked by questions that are never errors. @returns {Promise<string | null>} */
  async #inquire() {
    const login = await this.#api.whoAmI();
    if (!login.signed_in) return "signed_out";
    const { sessions } = await this.#api.catalogue();
    return sessions.some((session) => session.id === this.#shownSession) ? null : "session_ended";
  }

  /** @param {string} id */
  #addressOf(id) {
    this.#shownSession = id;
    const hash = `#/session/${id}`;
    if (location.hash !== hash) history.pushState(null, "", hash);
  }

  /** Seen only by those who wait: most answers are there before it appears. */
  #showLoading() {
    const element = h("main", { class: "page signin-page" },
      h("p", { class: "loading", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), t("loading")));
    this.#show({ element, title: t("product"), focus() {}, stop() {} });
  }

  /** @param {ApiError} error */
  #showUnreachable(error) {
    const again = h("button", { type: "button", class: "primary", click: () => this.start() }, t("catalogue.retry"));
    const element = h("main", { class: "page signin-page" }, h("section", { class: "card panel" },
      h("div", { role: "alert" }, h("p", {}, errorText(error))), again));
    this.#show({ element, title: t("product"), focus: () => again.focus(), stop() {} });
  }

  /** @param {import("../ui/theme.js").Theme | null | undefined} theme */
  #dress(theme) {
    applyTheme(theme);
    this.#name = theme?.title || t("product");
  }

  /** @param {View} view */
  #show(view) {
    this.#view?.stop();
    this.#view = view;
    this.#root.replaceChildren(view.element);
    document.title = view.title === t("product") ? this.#name : `${view.title} · ${this.#name}`;
    view.focus();
  }
}

/** What has to be asked for, as far as is known. @param {Application} application @returns {Asked | null} */
function asked({ credentials }) {
  return credentials && !credentials.kept ? credentials : null;
}

/** `#/at/<organisation>` leads to its sign-in. @returns {{tenant: {name: string}} | null} */
function organisationOfAddress() {
  const name = /^#\/at\/([^/]{1,256})$/.exec(location.hash)?.[1];
  if (name === undefined) return null;
  try {
    return { tenant: { name: decodeURIComponent(name) } };
  } catch {
    return null; // half an escape: nobody's name
  }
}

new Portal(/** @type {HTMLElement} */ (document.getElementById("portal"))).start();
