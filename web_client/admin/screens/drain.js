/** Taking machines out of service, and back: what runs goes on, nothing new comes. Undone by a press. */

import { counted, t } from "../strings.js";

/** @typedef {import("../context.js").Context} Context */

/**
 * @template {{name: string, id?: string}} Machine
 * @param {Context} context
 * @param {"hosts" | "gateways" | "brokers"} kind
 * @param {Machine[]} machines
 * @param {boolean} draining
 */
export async function drain(context, kind, machines, draining) {
  /** @param {boolean} value */
  const set = (value) => (/** @type {Machine} */ machine) => context.change("POST", `/${kind}/${encodeURIComponent(machine.name)}/drain`, { draining: value });
  if (draining && machines.length > 1) {
    const goesOn = await context.ask({
      title: counted(machines.length, "machines.drain.title"),
      consequences: [machines.slice(0, 8).map(({ name }) => name).join(", "), t(`machines.drain.${kind}`)], act: t("machines.drain"), danger: true,
    });
    if (!goesOn) return false;
  }
  return context.doAll(machines, set(draining), {
    done: draining ? "machines.did.drain" : "machines.did.undrain", undo: set(!draining), name: ({ name }) => name,
  });
}
