/** What is done to users. What cannot be undone asks first and says whom it hits and what they lose. */

import { ApiError } from "../../api/client.js";
import { showDialog } from "../../ui/dialog.js";
import { Form } from "../../ui/form.js";
import { formTexts } from "../object_panel.js";
import { counted, errorText, t } from "../strings.js";
import { Suggestions } from "../suggestions.js";
import { namesText } from "./user_rules.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./user_rules.js").User} User */

const INTO = { title: "users.regroup.into.title", act: "users.regroup.into.do", did: "users.regroup.into.did" };
const OUT_OF = { title: "users.regroup.outof.title", act: "users.regroup.outof.do", did: "users.regroup.outof.did" };

/**
 * Into a group or out of it: all of them, or none. Asks for the group.
 * @param {Context} context
 * @param {User[]} users
 * @param {boolean} inside
 */
export async function regroup(context, users, inside) {
  const words = inside ? INTO : OUT_OF;
  const suggestions = new Suggestions(context);
  let group = "";
  const answer = await showDialog(counted(users.length, words.title, { name: users[0].name }), (close) => {
    const form = new Form({
      fields: [{
        name: "group", label: t("users.group"), kind: "names", attributes: { autofocus: "" }, labels: { remove: t("form.remove") },
        suggestions: (typed) => suggestions.like("groups", typed),
      }],
      values: { group: [] }, texts: formTexts(t(words.act)), cancel: () => close(),
      send: async (values) => {
        if (values.group.length !== 1) return { field: "group", message: t("users.regroup.one") };
        [group] = values.group;
        try {
          await setMembers(context, group, others(users, group, inside), inside);
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          return { field: "group", message: errorText(error) };
        }
        close("done");
        return null;
      },
    });
    return [users.length > 1 && namesText(users), form.element];
  });
  if (answer !== "done") return false;
  const moved = others(users, group, inside);
  context.changed();
  context.toasts.show(counted(moved.length, words.did, { name: moved[0]?.name ?? "", group }), {
    undo: moved.length > 0 ? () => void undoMembers(context, group, moved, !inside) : undefined,
  });
  return true;
}

/** Those who are not there yet. @param {User[]} users @param {string} group @param {boolean} inside */
function others(users, group, inside) {
  return users.filter(({ groups }) => groups.includes(group) !== inside);
}

/** @param {Context} context @param {string} group @param {User[]} users @param {boolean} inside */
function setMembers(context, group, users, inside) {
  if (users.length === 0) return Promise.resolve();
  const names = users.map(({ name }) => name);
  return context.change("PUT", `/groups/${encodeURIComponent(group)}`, inside ? { add_users: names } : { remove_users: names });
}

/** @param {Context} context @param {string} group @param {User[]} users @param {boolean} inside */
async function undoMembers(context, group, users, inside) {
  try {
    await setMembers(context, group, users, inside);
    context.toasts.show(t("toast.undone"));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    context.toasts.show(errorText(error), { bad: true });
  }
  context.changed();
}

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
