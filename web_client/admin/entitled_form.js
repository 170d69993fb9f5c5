/** Which groups and users an application admits, as a form. Saving can be undone. */

import { editingForm } from "./editing_form.js";
import { ObjectPanel } from "./object_panel.js";
import { bodyOf, valuesOf } from "./screens/application_rules.js";
import { publish } from "./screens/application_acts.js";
import { t } from "./strings.js";
import { Suggestions } from "./suggestions.js";
import { addWhatIf } from "./whatif_button.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./screens/application_rules.js").Application} Application */

/** @extends {ObjectPanel<Application>} */
export class EntitledForm extends ObjectPanel {
  #context;
  #saved;
  #suggestions;

  /**
   * @param {Context} context
   * @param {string} name of the application
   * @param {() => void} saved
   */
  constructor(context, name, saved) {
    super({ title: name, find: (signal) => this.#find(name, signal), draw: (application) => [this.#form(application)] });
    this.#context = context;
    this.#saved = saved;
    this.#suggestions = new Suggestions(context);
  }

  /**
   * @param {string} name
   * @param {AbortSignal} signal
   * @returns {Promise<Application | undefined>}
   */
  async #find(name, signal) {
    const { items } = await this.#context.get(`/applications?${new URLSearchParams({ name })}`, signal);
    return items.find((/** @type {Application} */ each) => each.name === name);
  }

  /** @param {Application} application */
  #form(application) {
    const labels = { remove: t("form.remove") };
    const before = { groups: application.entitled.groups, users: application.entitled.users };
    /** @type {import("../ui/form.js").Field[]} */
    const fields = [
      { name: "groups", label: t("entitlements.groups"), kind: "names", labels, suggestions: (typed) => this.#suggestions.like("groups", typed) },
      { name: "users", label: t("entitlements.users"), kind: "names", labels, suggestions: (typed) => this.#suggestions.like("users", typed) },
    ];
    const form = editingForm({
      name: application.name, fields, before, revision: application.revision, valuesOf: ({ entitled }) => entitled,
      send: (values, revision) => this.#publish(application, values, revision),
      saved: () => this.#done(application, before),
      cancel: () => {
        this.settle();
        this.changed();
      },
    });
    addWhatIf(this.#context, form.element, () => [{
      kind: "application", name: application.name, ...bodyOf(valuesOf(application)), entitled: form.values,
    }]);
    return form;
  }

  /**
   * @param {Application} application
   * @param {Record<string, any>} entitled
   * @param {number} [revision]
   */
  #publish(application, { groups, users }, revision) {
    return publish(this.#context, application.name, {
      ...bodyOf(valuesOf(application)), entitled: { groups, users }, ...(revision !== undefined && { revision }),
    });
  }

  /**
   * @param {Application} application
   * @param {Record<string, string[]>} before
   */
  #done(application, before) {
    const { name } = application;
    this.settle();
    this.#context.toasts.show(t("entitlements.saved", { name }), {
      undo: () => this.#context.doAll([application], () => this.#publish(application, before), { done: "entitlements.undone", name: () => name })
        .then(() => this.#again()),
    });
    this.#again();
  }

  #again() {
    this.changed();
    this.#saved();
  }
}
