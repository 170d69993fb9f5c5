/**
 * The console's start: who is signed in, and whether there is anything for them here. Signing in is the portal's part.
 *
 * A login that ends while somebody works here takes nothing away: what was entered stays below a notice, until they
 * have signed in again in another window.
 */

import { ApiError, Client } from "../api/client.js";
import { loadKey } from "../api/key_store.js";
import { showDialog } from "../ui/dialog.js";
import { h } from "../ui/dom.js";
import { entered, enteredBanner } from "./entered.js";
import { Shell } from "./shell.js";
import { errorText, t } from "./strings.js";

const PORTAL = "./";

class Console {
  #client = new Client();
  #root;
  #channel = new BroadcastChannel("portcullis");
  /** @type {import("../api/client.js").SignedIn | null} */
  #login = null;
  /** @type {HTMLElement | null} */
  #notice = null;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#client.onsignedout = () => this.#signedOut();
    this.#channel.onmessage = ({ data }) => this.#heard(data);
  }

  async start() {
    try {
      const [login, key] = await Promise.all([this.#client.whoAmI(), loadKey()]);
      if (!login.signed_in || key === undefined) return this.#toPortal();
      this.#client.use(key);
      this.#login = login;
      const entry = login.permissions?.includes("platform.enter") ? entered() : null;
      this.#client.enteredTenant = entry?.name ?? "";
      new Shell(this.#root, this.#client, login, () => this.#signOut());
      if (entry !== null) this.#root.prepend(enteredBanner(this.#client, entry));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#showFailure(error);
    }
  }

  /** The portal leads back here when somebody has signed in. */
  #toPortal() {
    location.replace(`${PORTAL}#/admin${location.hash.replace(/^#/, "")}`);
  }

  async #signOut() {
    try {
      await this.#client.signOut();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // Without an answer the login lives on at the broker: the portal says what is so.
    }
    this.#login = null;
    this.#channel.postMessage("signed_out");
    location.replace(PORTAL);
  }

  /** @param {string} message from another window */
  #heard(message) {
    if (message === "signed_out") this.#signedOut();
    else if (message === "signed_in") this.#again();
  }

  #signedOut() {
    if (this.#login === null || this.#notice !== null) return;
    showDialog(t("console.signedout.title"), () => [
      h("p", {}, t("console.signedout.text")),
      h("div", { class: "buttons" }, h("a", { class: "button primary", href: PORTAL, target: "_blank", rel: "noopener" }, t("console.signedout.open"))),
    ], "signed-out").then(() => (this.#notice = null));
    this.#notice = document.querySelector("dialog.signed-out");
    this.#notice?.addEventListener("cancel", (event) => event.preventDefault());
  }

  /** Somebody has signed in in another window: the same one goes on, another one starts afresh. */
  async #again() {
    const [login, key] = await Promise.all([this.#client.whoAmI(), loadKey()]);
    if (!login.signed_in || key === undefined) return;
    if (login.user.id !== this.#login?.user.id || login.tenant.id !== this.#login.tenant.id) return location.reload();
    this.#client.use(key);
    /** @type {HTMLDialogElement | null} */ (this.#notice)?.close();
  }

  /** @param {ApiError} error */
  #showFailure(error) {
    const again = h("button", { type: "button", class: "primary", click: () => location.reload() }, t("console.retry"));
    this.#root.replaceChildren(h("main", { class: "admin-alone" }, h("section", { class: "card" },
      h("h1", {}, t("console.failed")), h("p", { role: "alert" }, errorText(error)), again)));
  }
}

new Console(/** @type {HTMLElement} */ (document.getElementById("console"))).start();
