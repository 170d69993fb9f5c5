/** What is done to users. What cannot be undone asks first and says whom it hits and what they lose. */

import { counted, t } from "../strings.js";
import { namesText } from "./user_rules.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./user_rules.js").User} User */

/** @param {User} user @param {string} [act] */
export function userPath({ name }, act = "") {
  return `/users/${encodeURIComponent(name)}${act}`;
}

/**
 * @param {Context} context
 * @param {User[]} users
 * @param {boolean} disabled
 */
export async function setDisabled(context, users, disabled) {
  /** @param {boolean} value */
  const set = (value) => (/** @type {User} */ user) => context.change("POST", userPath(user, value ? "/disable" : "/enable"), {});
  if (disabled) {
    const goesOn = await context.ask({
      title: counted(users.length, "users.disable.title", { name: users[0].name }),
      consequences: [users.length > 1 && namesText(users), t("users.disable.text")], act: t("users.disable"), danger: true,
    });
    if (!goesOn) return false;
  }
  return context.doAll(users, set(disabled), {
    done: disabled ? "users.did.disable" : "users.did.enable", undo: set(!disabled), name: ({ name }) => name,
  });
}

/**
 * @param {Context} context
 * @param {User[]} users
 */
export async function signOutUsers(context, users) {
  const goesOn = await context.ask({
    title: counted(users.length, "users.signout.title", { name: users[0].name }),
    consequences: [users.length > 1 && namesText(users), t("users.signout.text")], act: t("users.signout"),
  });
  if (!goesOn) return false;
  return context.doAll(users, (user) => context.change("POST", userPath(user, "/sign-out"), {}), { done: "users.did.signout", name: ({ name }) => name });
}

/**
 * @param {Context} context
 * @param {User[]} users
 */
export async function deleteUsers(context, users) {
  const running = await sessionsOf(context, users);
  const goesOn = await context.ask({
    title: counted(users.length, "users.delete.title", { name: users[0].name }),
    consequences: [
      users.length > 1 && namesText(users), t("users.delete.text"),
      running === null ? t("users.delete.sessions.unknown") : running > 0 && counted(running, "users.delete.sessions"),
      t("users.delete.final"),
    ],
    act: t("users.delete"), danger: true,
    repeat: users.length === 1 ? { label: t("users.delete.repeat", { name: users[0].name }), text: users[0].name } : { label: t("users.delete.repeat", { name: String(users.length) }), text: String(users.length) },
  });
  if (!goesOn) return false;
  const done = await context.doAll(users, (user) => context.change("DELETE", userPath(user)), { done: "users.did.delete", name: ({ name }) => name });
  return done.length > 0;
}

/** How many sessions end with them; null when one may not know. @param {Context} context @param {User[]} users */
async function sessionsOf(context, users) {
  if (!context.may("sessions.read")) return null;
  const query = new URLSearchParams([["limit", "1"], ...users.slice(0, 100).map(({ name }) => ["user", name])]);
  const answer = await context.get(`/sessions?${query}`);
  const wanted = new Set(users.map(({ name }) => name));
  return answer.total ?? answer.items.filter((/** @type {{user: {name: string}}} */ each) => wanted.has(each.user.name)).length;
}
