/** The console's frame: menu, head, the screen that the address names, keys, and word of what changes. */

import { showDialog } from "../ui/dialog.js";
import { h } from "../ui/dom.js";
import { Context } from "./context.js";
import { Feed } from "./feed.js";
import { keysTable } from "./keys_table.js";
import { addressOf, Router } from "./router.js";
import { screensFor } from "./screens.js";
import { errorText, t } from "./strings.js";

/** @typedef {import("./screens.js").Entry} Entry */
/** @typedef {import("./screens.js").Screen} Screen */
/** @typedef {import("./router.js").Place} Place */

/** Within it, a second key belongs to the first. */
const SEQUENCE_MS = 1200;

export class Shell {
  #context;
  #router = new Router((place, from) => this.#moved(place, from));
  #entries;
  /** @type {Entry | null} */
  #entry = null;
  /** @type {Screen | null} */
  #screen = null;
  #showing = 0;
  /** Something changed while the window was hidden. */
  #isOld = false;
  #sequence = { key: "", at: 0 };
  #links = new Map();
  #menu = h("nav", { class: "admin-nav", "aria-label": t("console.nav"), id: "admin-nav" });
  #main = h("main", { class: "admin-main", id: "content", tabindex: "-1" });
  #title = h("h1", {});
  #live = h("span", { class: "live" });
  #menuButton = h("button", { type: "button", class: "quiet menu-button", "aria-expanded": "false", "aria-controls": "admin-nav", click: () => this.#toggleMenu() }, t("console.menu"));

  /**
   * @param {HTMLElement} root
   * @param {import("../api/client.js").Client} client
   * @param {import("../api/client.js").SignedIn} login
   * @param {() => void} signOut
   */
  constructor(root, client, login, signOut) {
    this.#context = new Context(client, login, this.#router);
    this.#entries = screensFor((permission) => this.#context.may(permission));
    root.replaceChildren(
      h("a", { class: "skip", href: "#content", click: (/** @type {Event} */ event) => this.#skip(event) }, t("console.skip")),
      this.#header(signOut), this.#menu, this.#main, this.#context.toasts.element);
    this.#drawMenu();
    this.#menu.append(h("div", { class: "leaving" }, ...this.#waysOut("", signOut)));
    document.addEventListener("keydown", (event) => this.#key(event));
    this.#context.changed = () => this.#screen?.changed?.(null);
    if (this.#entries.length === 0) this.#showNothing(t("console.nothing"));
    else this.#begin(client);
  }

  /** @param {import("../api/client.js").Client} client */
  #begin(client) {
    new Feed(client, (kinds) => this.#changed(kinds), (isLive) => this.#showLive(isLive));
    document.addEventListener("visibilitychange", () => this.#seen());
    addEventListener("beforeunload", (event) => this.#screen?.isEntering?.() && event.preventDefault());
    this.#moved(this.#router.place);
  }

  /** @param {() => void} signOut */
  #header(signOut) {
    const { user, tenant, role } = this.#context.login;
    const who = t("console.who", { user: user.name, tenant: tenant.name, role });
    return h("header", { class: "admin-head" }, this.#menuButton,
      h("a", { class: "brand", href: "#/" }, h("img", { src: "styles/icon.svg", alt: "", width: "24", height: "24" }), h("span", {}, t("product"))),
      h("div", { class: "admin-title" }, this.#title), this.#live,
      h("button", { type: "button", class: "quiet small keys-button", click: () => this.#showKeys() }, t("console.keys")),
      h("span", { class: "who", title: who }, h("bdi", {}, user.name), h("span", { class: "muted" }, h("bdi", {}, tenant.name))),
      ...this.#waysOut("small leave", signOut));
  }

  /** In the head, and on small screens in the menu. @param {string} kind @param {() => void} signOut */
  #waysOut(kind, signOut) {
    return [h("a", { class: `button ${kind}`, href: "./" }, t("console.portal")),
      h("button", { type: "button", class: kind, click: signOut }, t("console.signout"))];
  }

  #drawMenu() {
    /** @type {HTMLElement | null} */
    let list = null;
    let section = "-";
    for (const entry of this.#entries) {
      if (entry.section !== section) {
        section = entry.section;
        list = h("ul", {});
        const title = t(`section.${section}`);
        this.#menu.append(h("div", { class: "nav-section" }, title !== "" && h("h2", {}, title), list));
      }
      const link = h("a", { href: addressOf(entry.id), ...(entry.key && { title: `g ${entry.key}` }) }, t(`screen.${entry.id}`));
      this.#links.set(entry.id, link);
      list?.append(h("li", {}, link));
    }
  }

  /** What nobody looks at is not asked for again before somebody does. @param {Set<string> | null} kinds */
  #changed(kinds) {
    if (document.visibilityState === "visible") this.#screen?.changed?.(kinds);
    else this.#isOld = true;
  }

  #seen() {
    if (document.visibilityState !== "visible" || !this.#isOld) return;
    this.#isOld = false;
    this.#screen?.changed?.(null);
  }

  // --- screens

  /**
   * @param {Place} place
   * @param {string} [from] the address before
   */
  async #moved(place, from = "") {
    this.#closeMenu();
    const id = place.screen || this.#entries[0].id;
    const entry = this.#entries.find((each) => each.id === id);
    if (entry !== undefined && entry === this.#entry && this.#screen !== null) return this.#screen.moved(place);
    if (this.#screen?.mayLeave && !(await this.#screen.mayLeave())) return this.#router.say(from);
    this.#leave();
    if (entry === undefined) return this.#showNothing(t("console.unknown"));
    this.#entry = entry;
    this.#name(entry);
    await this.#open(entry, place);
  }

  /**
   * @param {Entry} entry
   * @param {Place} place
   */
  async #open(entry, place) {
    const showing = ++this.#showing;
    const waiting = h("p", { class: "loading", role: "status" }, t("console.loading"));
    this.#main.replaceChildren(waiting);
    try {
      const { open } = await entry.load();
      if (showing !== this.#showing) return;
      this.#screen = open(this.#context, place);
      this.#main.replaceChildren(this.#screen.element);
      this.#screen.focus();
    } catch (error) {
      // The module could not be fetched, for one: an upgrade, or no network.
      console.error(error);
      if (showing !== this.#showing) return;
      waiting.replaceWith(h("div", { class: "empty" }, h("p", { role: "alert" }, errorText({ code: "network" })),
        h("button", { type: "button", click: () => location.reload() }, t("console.retry"))));
    }
  }

  #leave() {
    this.#screen?.stop();
    this.#screen = null;
    this.#entry = null;
    this.#showing++;
  }

  /** @param {Entry} entry */
  #name(entry) {
    const title = t(`screen.${entry.id}`);
    this.#title.textContent = title;
    document.title = t("console.title", { screen: title });
    for (const [id, link] of this.#links)
      if (id === entry.id) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
  }

  /** @param {string} text */
  #showNothing(text) {
    this.#title.textContent = t("console");
    document.title = t("console.title", { screen: t("console") });
    this.#main.replaceChildren(h("div", { class: "empty" }, h("p", {}, text), h("a", { href: "./" }, t("console.toportal"))));
  }

  /** @param {boolean} isLive */
  #showLive(isLive) {
    this.#live.className = isLive ? "live on" : "live off";
    this.#live.textContent = t(isLive ? "console.live" : "console.lost");
    this.#live.title = t(isLive ? "console.live.title" : "console.lost.title");
  }

  // --- menu on small screens

  #toggleMenu() {
    const isOpen = this.#menu.classList.toggle("open");
    this.#menuButton.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this.#menu.querySelector("a")?.focus();
  }

  #closeMenu() {
    this.#menu.classList.remove("open");
    this.#menuButton.setAttribute("aria-expanded", "false");
  }

  /** @param {Event} event */
  #skip(event) {
    event.preventDefault(); // an address of its own would be another screen
    this.#main.focus();
  }

  // --- keys

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") return this.#escape();
    if (isTyping(event.target)) return;
    const act = this.#actOf(event.key, event.timeStamp);
    if (act === undefined) return;
    event.preventDefault();
    act();
  }

  #escape() {
    if (this.#menu.classList.contains("open")) {
      this.#closeMenu();
      this.#menuButton.focus();
    } else this.#screen?.close?.();
  }

  /**
   * @param {string} key
   * @param {number} at
   * @returns {(() => void) | undefined}
   */
  #actOf(key, at) {
    const { key: first, at: firstAt } = this.#sequence;
    this.#sequence = { key, at };
    if (first === "g" && at - firstAt < SEQUENCE_MS) {
      const entry = this.#entries.find((each) => each.key === key);
      if (entry) return () => this.#router.go(addressOf(entry.id));
    }
    const screen = this.#screen;
    switch (key) {
      case "/": return screen?.search && (() => screen.search?.());
      case "j": case "ArrowDown": return screen?.move && (() => screen.move?.(1));
      case "k": case "ArrowUp": return screen?.move && (() => screen.move?.(-1));
      case "n": return screen?.create && (() => screen.create?.());
      case "z": return () => this.#context.toasts.undoLast();
      case "?": return () => this.#showKeys();
    }
  }

  #showKeys() {
    showDialog(t("keys.title"), (close) => [
      keysTable(this.#entries),
      h("div", { class: "buttons" }, h("button", { type: "button", autofocus: true, click: () => close() }, t("keys.done"))),
    ], "wide");
  }
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null;
}
