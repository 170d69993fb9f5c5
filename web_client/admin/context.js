/** What every screen of the console works with: the API, who is signed in, where to go, how to say and ask something. */

import { ApiError } from "../api/client.js";
import { ask } from "../ui/dialog.js";
import { Toasts } from "../ui/toast.js";
import { counted, errorText, t } from "./strings.js";

/** @typedef {import("../api/client.js").Client} Client */
/** @typedef {import("../api/client.js").SignedIn} SignedIn */

const AT_ONCE = 4;

export class Context {
  client;
  login;
  #router;
  /** Something was done: what is shown is old. */
  changed = () => {};
  toasts = new Toasts({ undo: t("toast.undo"), close: t("toast.close") });

  /**
   * @param {Client} client
   * @param {SignedIn} login
   * @param {import("./router.js").Router} router
   */
  constructor(client, login, router) {
    this.client = client;
    this.login = login;
    this.#router = router;
  }

  /** @param {string} permission */
  may(permission) {
    const { permissions } = this.login;
    // A broker of the release before knows but one role.
    return permissions ? permissions.includes(permission) : this.login.role === "administrator";
  }

  /** @param {string} address */
  go(address) {
    this.#router.go(address);
  }

  /** @param {string} address */
  say(address) {
    this.#router.say(address);
  }

  /**
   * @param {string} path below /admin
   * @param {AbortSignal} [signal]
   */
  get(path, signal) {
    return this.client.get(`/admin${path}`, signal);
  }

  /**
   * @param {string} method
   * @param {string} path below /admin
   * @param {object} [content]
   */
  change(method, path, content) {
    return this.client.change(method, `/admin${path}`, content);
  }

  /**
   * Whether to go on, after saying what will happen.
   * @param {object} question
   * @param {string} question.title
   * @param {import("../ui/dom.js").Child[]} question.consequences
   * @param {string} question.act
   * @param {boolean} [question.danger]
   * @param {{label: string, text: string}} [question.repeat]
   */
  ask(question) {
    return ask({ cancel: t("ask.cancel"), ...question });
  }

  /**
   * Does something to each of several and says how it went; what was done can be undone where `undo` is given.
   * @template Item
   * @param {Item[]} items
   * @param {(item: Item) => Promise<unknown>} act
   * @param {{done: string, undo?: (item: Item) => Promise<unknown>, name: (item: Item) => string}} words `done`: key of
   *   a counted text with {name}
   * @returns {Promise<Item[]>} those that it was done to
   */
  async doAll(items, act, { done, undo, name }) {
    const { succeeded, errors } = await inTurn(items, act);
    this.changed();
    const undoing = undo && succeeded.length > 0 ? () => this.#undo(succeeded, undo) : undefined;
    const [first] = succeeded;
    if (errors.length > 0) {
      const reason = errorText(errors[0]);
      const text = items.length === 1 ? reason : t("toast.some", { done: succeeded.length, failed: errors.length, reason });
      this.toasts.show(text, { undo: undoing, bad: true });
    } else if (first !== undefined) {
      this.toasts.show(counted(succeeded.length, done, { name: name(first) }), { undo: undoing });
    }
    return succeeded;
  }

  /**
   * @template Item
   * @param {Item[]} items
   * @param {(item: Item) => Promise<unknown>} undo
   */
  async #undo(items, undo) {
    const { errors } = await inTurn(items, undo);
    this.changed();
    if (errors.length > 0) this.toasts.show(errorText(errors[0]), { bad: true });
    else this.toasts.show(t("toast.undone"));
  }
}

/**
 * A few at once.
 * @template Item
 * @param {Item[]} items
 * @param {(item: Item) => Promise<unknown>} act
 */
async function inTurn(items, act) {
  const waiting = [...items];
  /** @type {Item[]} */
  const succeeded = [];
  /** @type {ApiError[]} */
  const errors = [];
  const work = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift())
      try {
        await act(item);
        succeeded.push(item);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        errors.push(error);
      }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { succeeded, errors };
}
