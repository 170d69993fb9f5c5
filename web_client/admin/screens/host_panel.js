/** One host: how it is, which groups it belongs to, in or out of service. */

import { h } from "../../ui/dom.js";
import { bytesText, facts, meter, names } from "../cells.js";
import { editingForm } from "../editing_form.js";
import { ObjectPanel } from "../object_panel.js";
import { addressOf } from "../router.js";
import { t } from "../strings.js";
import { Suggestions } from "../suggestions.js";
import { drain } from "./drain.js";
import { loadText, machineBadge, stateOf } from "./machine_rules.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./machine_rules.js").Host} Host */

/** @extends {ObjectPanel<Host>} */
export class HostPanel extends ObjectPanel {
  #context;
  #suggestions;

  /**
   * @param {Context} context
   * @param {import("../site_status.js").SiteStatus} status
   * @param {string} name
   * @param {Host | undefined} item
   */
  constructor(context, status, name, item) {
    super({
      title: name, item,
      find: async (signal) => {
        const { items } = await context.get(`/hosts?${new URLSearchParams({ name })}`, signal);
        const found = items.find((/** @type {Host} */ each) => each.name === name);
        return found && (await status.joined([found], "hosts"))[0];
      },
      draw: (host) => this.#parts(host),
    });
    this.#context = context;
    this.#suggestions = new Suggestions(context);
  }

  /** @param {Host} host */
  #parts(host) {
    const { name, slots, sessions, load, memory_available_bytes: memory, version, broker, isolation, starting_limit: starting, orphans, bad_streams: bad } = host;
    const about = facts([
      [t("machines.state"), machineBadge(stateOf(host))],
      [t("hosts.sessions"), meter(sessions, slots, `${sessions} / ${slots}`)],
      [t("machines.load"), loadText(load)],
      [t("hosts.memory"), memory === null || memory === undefined ? null : bytesText(memory)],
      [t("hosts.badstreams"), bad ? String(bad) : null],
      [t("hosts.orphans"), orphans ? String(orphans) : null],
      [t("hosts.isolation"), t(isolation === "none" ? "hosts.isolation.none.long" : "hosts.isolation.accounts.long")],
      [t("hosts.starting"), String(starting)],
      [t("hosts.broker"), broker],
      [t("machines.version"), version],
      [t("sessions.id"), h("code", {}, host.id)],
    ]);
    const links = h("p", { class: "links" },
      this.#context.may("sessions.read") && h("a", { href: addressOf("sessions", "", { host: name }) }, t("users.sessions")),
      this.#context.may("applications.write") && h("a", { href: addressOf("installed", "", { host: name }) }, t("installed.show")));
    if (!this.#context.may("hosts.write")) return [about, facts([[t("hosts.groups"), names(host.groups, t("users.nogroup"))]]), links];
    return [about, links, this.#acts(host), this.#form(host)];
  }

  /** @param {Host} host */
  #acts(host) {
    return h("div", { class: "buttons panel-tools" },
      h("button", { type: "button", class: "small", click: () => drain(this.#context, "hosts", [host], !host.draining) },
        t(host.draining ? "machines.undrain" : "machines.drain")),
      h("span", { class: "hint" }, t("machines.drain.hosts")));
  }

  /** @param {Host} host */
  #form(host) {
    const before = { groups: host.groups };
    return editingForm({
      name: host.name, before, revision: host.revision, valuesOf: ({ groups }) => ({ groups }),
      fields: [{
        name: "groups", label: t("hosts.groups"), kind: "names", hint: t("hosts.groups.hint"), labels: { remove: t("form.remove") },
        suggestions: (typed) => this.#suggestions.like("hostGroups", typed),
      }],
      send: ({ groups }, revision) => this.#put(host.name, groups, revision),
      saved: () => this.#saved(host, host.groups),
      cancel: () => this.#context.go(addressOf("hosts")),
    });
  }

  /**
   * @param {string} name
   * @param {string[]} groups
   * @param {number} [revision]
   */
  #put(name, groups, revision) {
    return this.#context.change("PUT", `/hosts/${encodeURIComponent(name)}`, { groups, ...(revision !== undefined && { revision }) });
  }

  /**
   * @param {Host} host
   * @param {string[]} before
   */
  #saved({ name }, before) {
    this.settle();
    this.#context.changed();
    const undo = () => this.#context.doAll([name], () => this.#put(name, before), { done: "hosts.saved", name: () => name });
    this.#context.toasts.show(t("hosts.saved.one", { name }), { undo });
  }
}
