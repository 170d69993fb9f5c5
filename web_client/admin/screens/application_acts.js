/** What is done to applications as a whole: enabled, disabled, deleted, brought back, tried. */

import { ApiError } from "../../api/client.js";
import { showDialog } from "../../ui/dialog.js";
import { h } from "../../ui/dom.js";
import { addressOf } from "../router.js";
import { counted, errorText, t } from "../strings.js";
import { bodyOf, valuesOf } from "./application_rules.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./application_rules.js").Application} Application */

const PATH = "/applications/";

/**
 * @param {Context} context
 * @param {string} name
 * @param {object} body
 */
export function publish(context, name, body) {
  return context.change("PUT", PATH + encodeURIComponent(name), body);
}

/**
 * @param {Context} context
 * @param {Application[]} applications
 * @param {boolean} disabled
 */
export function setDisabled(context, applications, disabled) {
  /** @param {boolean} value */
  const set = (value) => (/** @type {Application} */ application) =>
    publish(context, application.name, { ...bodyOf(valuesOf(application)), disabled: value });
  return context.doAll(applications, set(disabled), {
    done: disabled ? "applications.did.disable" : "applications.did.enable", undo: set(!disabled), name: ({ name }) => name,
  });
}

/**
 * Asks first where there are several; one can be undone as well.
 * @param {Context} context
 * @param {Application[]} applications
 */
export async function deleteApplications(context, applications) {
  const goesOn = await context.ask({
    title: applications.length === 1 ? t("applications.delete.title", { name: applications[0].name }) : counted(applications.length, "applications.delete.several"),
    consequences: [
      applications.length > 1 && h("ul", { class: "listed" }, ...applications.slice(0, 12).map(({ name }) => h("li", {}, h("bdi", {}, name))),
        applications.length > 12 && h("li", {}, t("more", { count: applications.length - 12 }))),
      affected(applications), t("applications.delete.sessions"),
    ],
    act: t("applications.delete"), danger: true,
  });
  if (!goesOn) return false;
  /** @type {Map<string, Kept>} */
  const kept = new Map();
  const remove = async (/** @type {Application} */ application) => {
    kept.set(application.id, await keep(context, application));
    await context.change("DELETE", PATH + encodeURIComponent(application.name));
  };
  const restore = (/** @type {Application} */ application) => putBack(context, application, /** @type {Kept} */ (kept.get(application.id)));
  const done = await context.doAll(applications, remove, { done: "applications.did.delete", undo: restore, name: ({ name }) => name });
  return done.length > 0;
}

/** Who will miss them. @param {Application[]} applications */
function affected(applications) {
  const users = new Set(applications.flatMap(({ entitled }) => entitled.users));
  const groups = new Set(applications.flatMap(({ entitled }) => entitled.groups));
  const whom = [...Array.from(groups, (name) => t("applications.group", { name })), ...users];
  if (whom.length === 0) return t("applications.delete.nobody");
  const shown = whom.slice(0, 5).join(", ") + (whom.length > 5 ? ` ${t("more", { count: whom.length - 5 })}` : "");
  return t("applications.delete.whom", { whom: shown });
}

/** @typedef {{icon: {content_type: string, data: string} | null, policy: {values: object, locked: string[]} | null}} Kept what goes with it */

/**
 * @param {Context} context
 * @param {Application} application
 * @returns {Promise<Kept>}
 */
async function keep(context, { name, icon }) {
  const mayRestore = context.may("policies.read") && context.may("policies.write");
  const { policy } = mayRestore ? await context.get(policyPath(name)) : { policy: null };
  const isSet = policy !== null && (Object.keys(policy.values).length > 0 || policy.locked.length > 0);
  return { icon: await iconContent(icon), policy: isSet ? { values: policy.values, locked: policy.locked } : null };
}

/**
 * @param {Context} context
 * @param {Application} application
 * @param {Kept} kept
 */
async function putBack(context, application, { icon, policy }) {
  await publish(context, application.name, { ...bodyOf(valuesOf(application)), icon });
  if (policy !== null) await context.change("PUT", policyPath(application.name), policy);
}

/** @param {string} name */
function policyPath(name) {
  return `/policies/application/${encodeURIComponent(name)}`;
}

/** The picture itself, to be sent with another application. @param {string | null} url */
export async function iconContent(url) {
  if (url === null) return null;
  const response = await fetch(url);
  if (!response.ok) return null;
  const bytes = new Uint8Array(await response.arrayBuffer());
  const type = (response.headers.get("Content-Type") ?? "").split(";")[0];
  return { content_type: type, data: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) };
}

/**
 * A launch by whoever is signed in, in a window of its own.
 * @param {Context} context
 * @param {Application} application
 */
export async function tryLaunch(context, application) {
  // Opened at once: later the browser would take it for a pop-up.
  const opened = window.open("about:blank", "_blank");
  try {
    const { describeDisplay } = await import("../../app/environment.js");
    const { session } = await context.client.change("POST", "/sessions", { application: application.id, display: await describeDisplay() });
    const address = new URL(`./#/session/${session.id}`, location.href).href;
    if (opened) opened.location.href = address;
    else location.href = address;
  } catch (error) {
    opened?.close();
    if (!(error instanceof ApiError)) throw error;
    await showRefusal(context, application.name, error);
  }
}

/**
 * Why, and the two places that tell more: how it was decided, and what would happen step by step, the host asked too.
 * @param {Context} context
 * @param {string} name
 * @param {ApiError} error
 */
function showRefusal(context, name, error) {
  const { reference } = error;
  const asked = { user: context.login.user.name, application: name, dry_run: "1" };
  return showDialog(t("applications.try.refused", { name }), (close) => [
    h("p", { role: "alert" }, errorText(error), reference && ` ${t("applications.try.reference", { reference })}`),
    h("div", { class: "buttons" },
      reference && context.may("launches.read") && h("a", { class: "button", href: addressOf("launches", reference), click: () => close() }, t("applications.try.why")),
      context.may("simulate") && h("a", { class: "button", href: addressOf("simulation", "", asked), click: () => close() }, t("applications.try.simulate")),
      h("button", { type: "button", autofocus: true, click: () => close() }, t("applications.try.close"))),
  ]);
}
