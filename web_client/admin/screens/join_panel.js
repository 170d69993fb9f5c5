/** A further machine: a right to join that is good once, and what to type over there. */

import { ApiError } from "../../api/client.js";
import { copyButton } from "../../ui/copy_button.js";
import { Form } from "../../ui/form.js";
import { h } from "../../ui/dom.js";
import { formTexts, wrongOf } from "../object_panel.js";
import { addressOf } from "../router.js";
import { t } from "../strings.js";

/** @typedef {"host" | "gateway"} Role */

export class JoinPanel {
  #context;
  #role;
  #form;
  element = h("div", { class: "panel-body" });

  /**
   * @param {import("../context.js").Context} context
   * @param {Role} role
   */
  constructor(context, role) {
    this.#context = context;
    this.#role = role;
    this.title = t(role === "host" ? "hosts.join" : "gateways.join");
    this.#form = new Form({
      fields: [{ name: "name", label: t("join.name"), kind: "text", hint: t("join.name.hint"), attributes: { maxlength: "63", autocapitalize: "none" } }],
      values: { name: "" }, texts: formTexts(t("join.make")),
      send: (values) => this.#send(values.name.trim()), cancel: () => context.go(addressOf(role === "host" ? "hosts" : "gateways")),
    });
    this.element.append(h("p", {}, t("join.text")), this.#form.element);
  }

  focus() {
    this.#form.focus();
  }

  /** @param {string} name */
  async #send(name) {
    try {
      this.#show(name, await this.#context.change("POST", "/join-tokens", { role: this.#role, ...(name && { name }) }));
      return null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return wrongOf(error);
    }
  }

  /**
   * @param {string} name
   * @param {{token: string, expires: number, brokers: string[], reachable: boolean}} made
   */
  #show(name, { token, expires, brokers, reachable }) {
    const until = new Date(expires * 1000).toLocaleString();
    const broker = brokers[0] ?? "ADDRESS:PORT";
    const command = joinCommand(this.#role, name, token, broker);
    const once = h("section", { class: "once", tabindex: "-1" },
      h("p", {}, h("strong", {}, t("join.made"))),
      h("p", {}, t("join.once", { until })),
      !reachable && h("p", { class: "alert", role: "alert" }, t("join.unreachable")),
      h("pre", { class: "command", tabindex: "0", "aria-label": t("join.command") }, command),
      h("div", { class: "buttons" }, copyButton(command, { copy: t("join.copy"), copied: t("copied"), failed: t("copy.failed") }),
        copyButton(token, { copy: t("join.copy.token"), copied: t("copied"), failed: t("copy.failed") })),
      ...(this.#role === "host" ? onWindows(windowsCommand(name, broker)) : []));
    this.element.replaceChildren(once);
    once.focus();
  }
}

/** @param {string} command */
function onWindows(command) {
  return [
    h("p", {}, t("join.windows")),
    h("pre", { class: "command", tabindex: "0", "aria-label": t("join.windows.command") }, command),
    h("div", { class: "buttons" }, copyButton(command, { copy: t("join.windows.copy"), copied: t("copied"), failed: t("copy.failed") })),
  ];
}

/**
 * It asks for the token, which is to stand on no command line.
 * @param {string} name
 * @param {string} broker
 */
function windowsCommand(name, broker) {
  return `powershell -ExecutionPolicy Bypass -File install.ps1 -Source portcullis-agent.msi -Broker ${broker}${name ? ` -Name ${name}` : ""}`;
}

/**
 * As `portcullis host join-token` prints it.
 * @param {Role} role
 * @param {string} name
 * @param {string} token
 * @param {string} broker
 */
function joinCommand(role, name, token, broker) {
  const options = role === "host" ? (name ? ` --name ${name}` : "") : `${name ? ` --as ${name}` : ""} --listen ADDRESS --name PUBLIC.NAME`;
  return `PORTCULLIS_JOIN_TOKEN=${token} deploy/${role}.sh --broker ${broker}${options}`;
}
