/** Publishes what is installed on hosts: all of it in one change, for the people named, or none. */

import { ApiError } from "../../api/client.js";
import { showDialog } from "../../ui/dialog.js";
import { Form } from "../../ui/form.js";
import { formTexts, wrongOf } from "../object_panel.js";
import { counted, errorText, t } from "../strings.js";
import { Suggestions } from "../suggestions.js";
import { addWhatIf } from "../whatif_button.js";
import { commandText } from "./application_rules.js";
import { documentsOf, firstTaken, freeNames } from "./installed_rules.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./installed_rules.js").Installed} Installed */
/** @typedef {import("./installed_icons.js").InstalledIcons} InstalledIcons */

const APPLY = "/configuration/apply";
/** Of icons inside a request, which holds 1 MiB; with more they are sent ahead, one by one. */
const INLINE_CHARACTERS = 200_000;

/**
 * Asks what they shall be called and for whom they are.
 * @param {Context} context
 * @param {Installed[]} items
 * @param {string} group where they were found, if it was a group of hosts
 * @param {InstalledIcons} icons
 * @returns {Promise<boolean>} whether they are published now
 */
export async function publishInstalled(context, items, group, icons) {
  const taken = await takenNames(context);
  if (taken === null) return false;
  for (const item of items) if (item.icon) icons.content(item);
  const names = freeNames(items, taken);
  let isDone = false;
  await showDialog(counted(items.length, "installed.publish.title", { name: names[0] }), (close) => {
    const form = formOf(context, items, names, group, async (values) => {
      const wrong = await send(context, items, values, taken, icons);
      if (wrong !== null) return wrong;
      isDone = true;
      close();
      return null;
    }, () => close());
    addWhatIf(context, form.element, () => documentsOf(items, namesIn(form.values, items.length), valuesIn(form.values)));
    return [form.element];
  }, "wide installed-publish");
  return isDone;
}

/**
 * @param {Context} context
 * @param {Installed[]} items
 * @param {string[]} names
 * @param {string} group
 * @param {(values: Record<string, any>) => Promise<import("../../ui/form.js").Wrong | null>} send
 * @param {() => void} cancel
 */
function formOf(context, items, names, group, send, cancel) {
  const suggestions = new Suggestions(context);
  const labels = { remove: t("form.remove") };
  /** @type {import("../../ui/form.js").Field[]} */
  const fields = [
    { name: "groups", label: t("applications.groups"), kind: "names", labels, group: t("applications.entitled"), hint: t("installed.groups.hint"), suggestions: (typed) => suggestions.like("groups", typed) },
    { name: "users", label: t("applications.people"), kind: "names", labels, suggestions: (typed) => suggestions.like("users", typed) },
    { name: "host_groups", label: t("applications.hostgroups"), kind: "names", labels, group: t("applications.where"), hint: t("applications.hostgroups.hint"), suggestions: (typed) => suggestions.like("hostGroups", typed) },
    ...items.map((item, index) => /** @type {import("../../ui/form.js").Field} */ ({
      name: `name${index}`, label: item.name, kind: "text", hint: commandText(item.command), attributes: { maxlength: "64" },
      ...(index === 0 && { group: t("installed.names") }),
    })),
  ];
  const values = { groups: [], users: [], host_groups: group ? [group] : [], ...Object.fromEntries(names.map((name, index) => [`name${index}`, name])) };
  return new Form({ fields, values, texts: formTexts(counted(items.length, "installed.publish.act")), send, cancel });
}

/**
 * @param {Context} context
 * @param {Installed[]} items
 * @param {Record<string, any>} values
 * @param {string[]} taken
 * @param {InstalledIcons} icons
 * @returns {Promise<import("../../ui/form.js").Wrong | null>}
 */
async function send(context, items, values, taken, icons) {
  const names = namesIn(values, items.length);
  const twice = firstTaken(names, taken);
  if (twice >= 0) return { field: `name${twice}`, message: t("installed.name.taken") };
  let applied;
  try {
    const documents = documentsOf(items, names, valuesIn(values), await iconsOf(context, items, icons));
    // Somebody may have published one of this name since: it must not be changed by this.
    const { changes, revision } = await context.change("POST", "/configuration/plan", { documents });
    const there = changes.find((/** @type {{action: string}} */ { action }) => action !== "create");
    if (there !== undefined || changes.length < documents.length)
      return { field: `name${there ? names.indexOf(there.name) : 0}`, message: t("installed.name.taken") };
    applied = await context.change("POST", APPLY, { documents, revision, reason: t("installed.reason") });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return wrongIn(error);
  }
  said(context, names, applied.revision);
  return null;
}

/** Of which document, and so of which name, the API speaks. @param {ApiError} error */
function wrongIn(error) {
  const match = /^documents\[(\d+)\]\.(name|entitled\.groups|entitled\.users|host_groups)/.exec(error.field);
  if (match === null) return { ...wrongOf(error), field: "" };
  const field = match[2] === "name" ? `name${match[1]}` : match[2].replace("entitled.", "");
  return { field, message: wrongOf(error).message };
}

/**
 * What somebody changed since is not taken away with the rest.
 * @param {Context} context
 * @param {string[]} names
 * @param {number} revision at which they were published
 */
function said(context, names, revision) {
  context.changed();
  const undo = async () => {
    try {
      await context.change("POST", APPLY, { documents: [], delete: names.map((name) => ({ kind: "application", name })), revision, reason: t("installed.undo.reason") });
      context.changed();
      context.toasts.show(t("toast.undone"));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      context.toasts.show(errorText(error), { bad: true });
    }
  };
  context.toasts.show(counted(names.length, "installed.published", { name: names[0] }), { undo });
}

/**
 * @param {Context} context
 * @param {Installed[]} items
 * @param {InstalledIcons} icons
 * @returns {Promise<Map<string, import("./installed_rules.js").Icon>>}
 */
async function iconsOf(context, items, icons) {
  const contents = await Promise.all(items.map((item) => (item.icon ? icons.content(item) : null)));
  /** @type {[string, {content_type: string, data: string}][]} */
  const found = items.flatMap(({ id }, index) => {
    const content = contents[index];
    return content ? [/** @type {[string, {content_type: string, data: string}]} */ ([id, content])] : [];
  });
  if (found.reduce((sum, [, { data }]) => sum + data.length, 0) <= INLINE_CHARACTERS) return new Map(found);
  /** @type {Map<string, {hash: string}>} */
  const sent = new Map();
  for (const [id, content] of found) {
    const { hash } = await context.change("POST", "/configuration/icons", content);
    sent.set(id, { hash });
  }
  return sent;
}

/** @param {Context} context */
async function takenNames(context) {
  try {
    const { items } = await context.get("/applications");
    return items.map((/** @type {{name: string}} */ { name }) => name);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    context.toasts.show(errorText(error), { bad: true });
    return null;
  }
}

/** @param {Record<string, any>} values @param {number} count @returns {string[]} */
function namesIn(values, count) {
  return Array.from({ length: count }, (_, index) => values[`name${index}`].trim());
}

/** @param {Record<string, any>} values */
function valuesIn({ groups, users, host_groups }) {
  return { groups, users, host_groups };
}
