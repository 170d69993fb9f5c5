/** What is done to sessions of others: a message, a disconnect, the end. */

import { Form } from "../../ui/form.js";
import { showDialog } from "../../ui/dialog.js";
import { h } from "../../ui/dom.js";
import { formTexts } from "../object_panel.js";
import { counted, t } from "../strings.js";
import { sessionText } from "./session_rules.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./session_rules.js").Session} Session */

const MOST_NAMED = 8;

/** @param {Session} session @param {string} [act] */
export function sessionPath({ id }, act = "") {
  return `/sessions/${encodeURIComponent(id)}${act}`;
}

/** @param {Session[]} sessions */
function listed(sessions) {
  return h("ul", { class: "listed" }, ...sessions.slice(0, MOST_NAMED).map((session) => h("li", {}, h("bdi", {}, sessionText(session)))),
    sessions.length > MOST_NAMED && h("li", {}, t("more", { count: sessions.length - MOST_NAMED })));
}

/** @param {Context} context @param {Session[]} sessions */
export async function logOff(context, sessions) {
  const goesOn = await context.ask({
    title: counted(sessions.length, "sessions.logoff.title"), consequences: [listed(sessions), t("sessions.logoff.text")], act: t("sessions.logoff"), danger: true,
  });
  if (!goesOn) return false;
  return context.doAll(sessions, (session) => context.change("DELETE", sessionPath(session)), { done: "sessions.did.logoff", name: sessionText });
}

/** @param {Context} context @param {Session[]} sessions */
export function disconnect(context, sessions) {
  return context.doAll(sessions, (session) => context.change("POST", sessionPath(session, "/disconnect"), {}), { done: "sessions.did.disconnect", name: sessionText });
}

/** Asks for the text. @param {Context} context @param {Session[]} sessions */
export async function sendMessage(context, sessions) {
  let text = "";
  const sent = await showDialog(counted(sessions.length, "sessions.message.title"), (close) => {
    const form = new Form({
      fields: [{ name: "text", label: t("sessions.message.text"), kind: "text", hint: t("sessions.message.hint"), attributes: { maxlength: "500", autofocus: "" } }],
      values: { text: "" }, texts: formTexts(t("sessions.message.send")), cancel: () => close(),
      send: async (values) => {
        text = values.text.trim();
        if (text === "") return { field: "text", message: t("sessions.message.empty") };
        close("sent");
        return null;
      },
    });
    return [listed(sessions), form.element];
  });
  if (sent !== "sent") return false;
  return context.doAll(sessions, (session) => context.change("POST", sessionPath(session, "/message"), { text }), { done: "sessions.did.message", name: sessionText });
}
