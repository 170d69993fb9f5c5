/** One API token, or a new one; its text is shown once, here. */

import { ApiError } from "../../api/client.js";
import { copyButton } from "../../ui/copy_button.js";
import { Form } from "../../ui/form.js";
import { h } from "../../ui/dom.js";
import { ago, facts, names } from "../cells.js";
import { formTexts, ObjectPanel, wrongOf } from "../object_panel.js";
import { permissionsField } from "../permissions_field.js";
import { addressOf } from "../router.js";
import { counted, t } from "../strings.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./tokens.js").Token} Token */
/** @typedef {{token: Token | null, sentences: Record<string, string>}} Shown `token` null: a new one */

const NEW = "+";
const DAYS = 90;

/** @extends {ObjectPanel<Shown>} */
export class TokenPanel extends ObjectPanel {
  #context;
  #name;

  /**
   * @param {Context} context
   * @param {string} name
   * @param {Token | undefined} item
   */
  constructor(context, name, item) {
    const isNew = name === NEW;
    super({
      title: isNew ? t("tokens.new") : (item?.note || name), item: item && { token: item, sentences: {} }, isNew,
      find: (signal) => (isNew ? this.#sentences(signal) : this.#find(signal)),
      draw: ({ token, sentences }) => (token === null ? [this.#form(sentences)] : this.#show(token)),
    });
    this.#context = context;
    this.#name = name;
  }

  /** @param {AbortSignal} signal @returns {Promise<Shown | undefined>} */
  async #find(signal) {
    const { items } = await this.#context.get("/tokens", signal);
    const token = items.find((/** @type {Token} */ { id }) => id === this.#name);
    return token && { token, sentences: {} };
  }

  /** What the maker of the token may do themselves. @param {AbortSignal} signal @returns {Promise<Shown>} */
  async #sentences(signal) {
    const sentences = this.#context.may("roles.read") ? (await this.#context.get("/roles", signal)).permissions : {};
    const held = this.#context.login.permissions ?? [];
    return { token: null, sentences: Object.fromEntries(held.map((name) => [name, sentences[name] ?? ""])) };
  }

  /** @param {Record<string, string>} sentences */
  #form(sentences) {
    const all = [{ value: "all", title: t("tokens.all") }, { value: "some", title: t("tokens.some") }];
    /** @type {import("../../ui/form.js").Field[]} */
    const fields = [
      { name: "note", label: t("tokens.note"), kind: "text", hint: t("tokens.note.hint"), attributes: { maxlength: "128" } },
      { name: "user", label: t("tokens.user"), kind: "text", hint: t("tokens.user.hint") },
      { name: "days", label: t("tokens.days"), kind: "number", attributes: { max: String(DAYS), min: "1", step: "1" } },
      { name: "networks", label: t("tokens.networks"), kind: "lines", hint: t("tokens.networks.hint") },
      { name: "scope", label: t("tokens.scope"), kind: "choice", options: all },
      { name: "permissions", label: t("tokens.permissions"), kind: permissionsField(sentences) },
    ];
    const form = new Form({
      fields, values: { note: "", user: "", days: DAYS, networks: [], scope: "all", permissions: [] }, texts: formTexts(t("tokens.create")),
      send: (values) => this.#create(values), cancel: () => this.#context.go(addressOf("tokens")),
    });
    // Which ones is asked only of those who want some.
    const scope = /** @type {HTMLSelectElement} */ (form.element.querySelector("select"));
    const permissions = /** @type {HTMLElement} */ (form.element.querySelector(".permissions")?.closest(".form-field"));
    const show = () => (permissions.hidden = scope.value === "all");
    scope.addEventListener("change", show);
    show();
    return form;
  }

  /** @param {Record<string, any>} values */
  async #create({ note, user, days, networks, scope, permissions }) {
    try {
      const answer = await this.#context.change("POST", "/tokens", {
        note: note.trim(), ...(user.trim() && { user: user.trim() }), days, networks, ...(scope === "some" && { permissions }),
      });
      this.settle();
      this.element.replaceChildren(...this.#secret(answer.token));
      return null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return wrongOf(error);
    }
  }

  /** @param {string} token */
  #secret(token) {
    const text = h("code", { class: "secret", tabindex: "-1" }, token);
    setTimeout(() => text.focus());
    return [h("p", { role: "status" }, t("tokens.once")), h("p", {}, text),
      h("div", { class: "buttons" }, copyButton(token, { copy: t("tokens.copy"), copied: t("walk.copied"), failed: t("walk.copy.failed") }),
        h("button", { type: "button", click: () => this.#context.go(addressOf("tokens")) }, t("tokens.done")))];
  }

  /** @param {Token} token */
  #show(token) {
    const { id, user, note, created, expires, permissions = null, networks = [] } = token;
    return [
      h("div", { class: "buttons panel-tools" }, this.#context.may("tokens.write")
        && h("button", { type: "button", class: "small danger", click: () => this.#revoke(token) }, t("tokens.revoke"))),
      facts([
        [t("tokens.note"), note], [t("tokens.id"), h("code", {}, id)], [t("tokens.user"), user.name],
        [t("tokens.created"), ago(created)], [t("tokens.expires"), new Date(expires * 1000).toLocaleString()],
        [t("tokens.networks"), names(networks, t("tokens.anywhere"))],
        [t("tokens.permissions"), permissions === null ? t("tokens.all") : names(permissions, t("tokens.nothing"))],
        [t("tokens.enrols"), t(token.enrols ? "yes" : "no")],
      ]),
    ];
  }

  /** @param {Token} token */
  async #revoke(token) {
    if (await revokeTokens(this.#context, [token])) this.#context.go(addressOf("tokens"));
  }
}

/**
 * @param {Context} context
 * @param {Token[]} tokens
 */
export async function revokeTokens(context, tokens) {
  const goesOn = await context.ask({
    title: counted(tokens.length, "tokens.revoke.title"), act: t("tokens.revoke"), danger: true,
    consequences: [h("ul", { class: "listed" }, ...tokens.slice(0, 12).map(({ note, id }) => h("li", {}, h("bdi", {}, note || id)))), t("tokens.revoke.text")],
  });
  if (!goesOn) return false;
  const done = await context.doAll(tokens, ({ id }) => context.change("DELETE", `/tokens/${encodeURIComponent(id)}`),
    { done: "tokens.did.revoke", name: ({ note, id }) => note || id });
  return done.length > 0;
}
