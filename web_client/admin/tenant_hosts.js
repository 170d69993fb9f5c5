/** Which hosts serve an organisation, as a form: the platform's to say, host by host. */

import { ApiError } from "../api/client.js";
import { Form } from "../ui/form.js";
import { formTexts, wrongOf } from "./object_panel.js";
import { t } from "./strings.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {{name: string, tenants: string[]}} PlatformHost */

/**
 * @param {Context} context
 * @param {string} tenant
 * @param {string[]} hosts that serve it
 * @param {() => void} saved
 */
export function hostsForm(context, tenant, hosts, saved) {
  /** @type {PlatformHost[]} */
  let known = [];
  const reading = read(context).then((items) => (known = items));
  const form = new Form({
    fields: [{
      name: "hosts", label: t("tenants.hosts"), kind: "names", hint: t("tenants.hosts.hint"), labels: { remove: t("form.remove") },
      suggestions: () => known.map(({ name }) => name),
    }],
    values: { hosts }, texts: formTexts(t("tenants.hosts.save")),
    send: async (values) => {
      await reading;
      return send(context, tenant, { before: hosts, after: values.hosts, known }, saved);
    },
    cancel: saved,
  });
  return form;
}

/** Suggestions are no more than that: without an answer nothing is suggested. @param {Context} context @returns {Promise<PlatformHost[]>} */
async function read(context) {
  try {
    return (await context.client.get("/platform/hosts")).items;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return [];
  }
}

/**
 * @param {Context} context
 * @param {string} tenant
 * @param {{before: string[], after: string[], known: PlatformHost[]}} hosts
 * @param {() => void} saved
 */
async function send(context, tenant, { before, after, known }, saved) {
  const changed = [...after.filter((name) => !before.includes(name)), ...before.filter((name) => !after.includes(name))];
  const unknown = changed.find((name) => !known.some((host) => host.name === name));
  if (unknown !== undefined) return { field: "hosts", message: t("tenants.hosts.unknown", { name: unknown }) };
  try {
    for (const name of changed) {
      const others = (known.find((host) => host.name === name)?.tenants ?? []).filter((each) => each !== tenant);
      const tenants = after.includes(name) ? [...others, tenant] : others;
      await context.client.change("PUT", `/platform/hosts/${encodeURIComponent(name)}/tenants`, { tenants });
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return wrongOf(error);
  }
  context.toasts.show(t("tenants.saved", { name: tenant }));
  saved();
  return null;
}
