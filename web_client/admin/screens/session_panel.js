/** One session: whose, where, how its stream is right now, what runs in it. */

import { ApiError } from "../../api/client.js";
import { h } from "../../ui/dom.js";
import { ago, bytesText, facts } from "../cells.js";
import { ObjectPanel } from "../object_panel.js";
import { addressOf } from "../router.js";
import { errorText, t } from "../strings.js";
import { disconnect, logOff, sendMessage, sessionPath } from "./session_acts.js";
import { sessionText, stateBadge } from "./session_rules.js";
import { streamFacts } from "./stream_quality.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./session_rules.js").Session} Session */
/** @typedef {{pid: number, name: string, command: string, cpu_seconds: number, memory_bytes: number}} Process */

/** Figures of streams are no records: nobody tells that they changed. */
const REFRESH_MS = 5000;

/** @extends {ObjectPanel<Session>} */
export class SessionPanel extends ObjectPanel {
  #context;
  #timer;
  #processes = h("div", { class: "processes", "aria-live": "polite" });

  /**
   * @param {Context} context
   * @param {string} id
   * @param {Session | undefined} item
   */
  constructor(context, id, item) {
    super({
      title: item ? sessionText(item) : t("sessions.title", { id }), item,
      find: async (signal) => {
        const { items } = await context.get(`/sessions?${new URLSearchParams({ id })}`, signal);
        return items.find((/** @type {Session} */ each) => each.id === id);
      },
      draw: (session) => this.#parts(session),
    });
    this.#context = context;
    this.#timer = setInterval(() => document.visibilityState === "visible" && this.changed(), REFRESH_MS);
  }

  /** @override */
  stop() {
    clearInterval(this.#timer);
    super.stop();
  }

  /** @param {Session} session */
  #parts(session) {
    const { user, application, host, created, reference, id, stream } = session;
    const may = (/** @type {string} */ name) => this.#context.may(name);
    return [
      facts([
        [t("sessions.user"), may("users.read") ? h("a", { href: addressOf("users", user.name) }, h("bdi", {}, user.name)) : user.name],
        [t("sessions.application"), may("applications.read") ? h("a", { href: addressOf("applications", application.name) }, h("bdi", {}, application.name)) : application.name],
        [t("sessions.state"), stateBadge(session)],
        [t("sessions.host"), may("hosts.read") ? h("a", { href: addressOf("hosts", host) }, h("bdi", {}, host)) : host],
        [t("sessions.started"), ago(created)],
        [t("sessions.reference"), may("launches.read") ? h("a", { href: addressOf("launches", reference) }, reference) : reference],
        [t("sessions.id"), h("code", {}, id)],
      ]),
      this.#acts(session),
      h("h3", {}, t("sessions.stream")),
      stream ? facts(streamFacts(stream)) : h("p", { class: "muted" }, t("stream.unseen.long")),
      h("h3", {}, t("sessions.processes")), this.#processesOf(session),
    ];
  }

  /** @param {Session} session */
  #acts(session) {
    const isThere = session.state !== "ending" && session.state !== "ended";
    const context = this.#context;
    /** @param {string} text @param {() => unknown} click @param {string} [kind] */
    const button = (text, click, kind = "") => h("button", { type: "button", class: `small ${kind}`, click }, text);
    return h("div", { class: "buttons panel-tools" },
      isThere && context.may("sessions.message") && button(t("sessions.message"), () => sendMessage(context, [session])),
      session.state === "active" && context.may("sessions.end") && button(t("sessions.disconnect"), () => disconnect(context, [session])),
      isThere && context.may("sessions.end") && button(t("sessions.logoff"), () => logOff(context, [session]), "danger"));
  }

  /** Asked for by hand: the host is asked each time. @param {Session} session */
  #processesOf(session) {
    const show = h("button", { type: "button", class: "small", id: "session-processes", click: () => this.#readProcesses(session) }, t("sessions.processes.show"));
    return h("div", { class: "process-part" }, show, this.#processes);
  }

  /** @param {Session} session */
  async #readProcesses(session) {
    this.#processes.replaceChildren(h("p", { class: "loading" }, t("panel.loading")));
    try {
      const answer = await this.#context.get(sessionPath(session, "/processes"));
      this.#processes.replaceChildren(processTable(answer.items));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#processes.replaceChildren(h("p", { role: "alert", class: "alert" }, errorText(error)));
    }
  }
}

/** @param {Process[]} processes */
function processTable(processes) {
  if (processes.length === 0) return h("p", { class: "muted" }, t("sessions.processes.none"));
  const heads = ["process", "pid", "cpu", "memory"].map((name) => h("th", { scope: "col" }, t(`sessions.processes.${name}`)));
  const rows = processes.map(({ pid, name, command, cpu_seconds: cpu, memory_bytes: memory }) => h("tr", {},
    h("td", { title: command }, h("bdi", {}, name)), h("td", { class: "end" }, String(pid)),
    h("td", { class: "end" }, t("brokers.seconds", { value: cpu.toFixed(1) })), h("td", { class: "end" }, bytesText(memory))));
  return h("table", { class: "plain-table" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows));
}
