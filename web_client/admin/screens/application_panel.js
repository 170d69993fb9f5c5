/** One application: its form, or its facts for those who may only look; a new one, or a copy. */

import { h } from "../../ui/dom.js";
import { facts, names } from "../cells.js";
import { editingForm } from "../editing_form.js";
import { iconField } from "../icon_field.js";
import { ObjectPanel } from "../object_panel.js";
import { addressOf } from "../router.js";
import { t } from "../strings.js";
import { Suggestions } from "../suggestions.js";
import { addWhatIf } from "../whatif_button.js";
import { deleteApplications, iconContent, publish, tryLaunch } from "./application_acts.js";
import { bodyOf, copyName, shownText, valuesOf } from "./application_rules.js";
import { desktopFields } from "./desktop_fields.js";
import { rdpFields, runsField } from "./rdp_fields.js";
import { isWine, wineFields, wineMissing } from "./wine_fields.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./application_rules.js").Application} Application */

/** In the address: `#/applications/+`, and `#/applications/+Text editor` for a copy. */
const NEW = /^\+(.*)$/s;

/** @extends {ObjectPanel<Application | null>} */
export class ApplicationPanel extends ObjectPanel {
  #context;
  #suggestions;

  /**
   * @param {Context} context
   * @param {string} name
   * @param {Application | undefined} item
   */
  constructor(context, name, item) {
    const original = NEW.exec(name)?.[1];
    super({
      title: original === undefined ? name : t("applications.new"),
      item: original === "" ? null : item, isNew: original !== undefined,
      find: (signal) => (original === undefined ? this.#find(name, signal) : this.#copy(original, signal)),
      draw: (application) => (context.may("applications.write") ? this.#edit(application) : [this.#facts(/** @type {Application} */ (application))]),
    });
    this.#context = context;
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

  /**
   * @param {string} name
   * @param {AbortSignal} signal
   */
  async #copy(name, signal) {
    const { items } = await this.#context.get("/applications", signal);
    const original = items.find((/** @type {Application} */ each) => each.name === name);
    const taken = items.map((/** @type {Application} */ each) => each.name);
    return original && { ...original, id: "", revision: undefined, name: copyName(name, taken) };
  }

  /** @param {Application | null} application null: a new one */
  #edit(application) {
    const exists = application !== null && application.id !== "";
    const before = valuesOf(application);
    const form = editingForm({
      fields: this.#fields(exists), before, revision: exists ? application.revision : 0, valuesOf, check: missing,
      values: { ...before, icon: { name: before.name, icon: application?.icon ?? null } },
      submit: exists ? undefined : t("applications.publish"),
      send: async (values, revision) => publish(this.#context, values.name.trim(), {
        ...bodyOf(values), ...(await this.#keptIcon(exists, application, values)), ...(revision !== undefined && { revision }),
      }),
      saved: ({ name }) => this.#saved(name.trim(), exists),
      cancel: () => this.#leave(""),
    });
    addWhatIf(this.#context, form.element, () => {
      const { icon, ...body } = bodyOf(form.values);
      return [{ kind: "application", name: form.values.name.trim(), ...body, ...(icon && { icon }) }];
    });
    return exists ? [this.#tools(application), form] : [form];
  }

  /**
   * A copy is sent the picture of its original, unless another one or none was chosen.
   * @param {boolean} exists
   * @param {Application | null} original
   * @param {Record<string, any>} values
   */
  async #keptIcon(exists, original, { icon }) {
    return exists || icon !== undefined || !original?.icon ? {} : { icon: await iconContent(original.icon) };
  }

  /** @param {Application} application */
  #tools(application) {
    const { name } = application;
    return h("div", { class: "buttons panel-tools" },
      h("button", { type: "button", class: "small", click: () => tryLaunch(this.#context, application) }, t("applications.try")),
      h("a", { class: "button small", href: addressOf("applications", `+${name}`) }, t("applications.clone")),
      this.#context.may("simulate") && h("a", { class: "button small", href: addressOf("simulation", "", { application: name }) }, t("applications.simulate")),
      h("button", { type: "button", class: "small danger", click: () => this.#delete(application) }, t("applications.delete")));
  }

  /** @param {boolean} exists @returns {import("../../ui/form.js").Field[]} */
  #fields(exists) {
    const labels = { remove: t("form.remove") };
    return [
      { name: "name", label: t("applications.name"), kind: "text", isFixed: exists, hint: exists ? "" : t("applications.name.hint"), attributes: { maxlength: "256" } },
      { name: "icon", label: t("applications.icon"), kind: iconField, hint: t("applications.icon.hint") },
      runsField(),
      { name: "command", label: t("applications.command"), kind: "lines", hint: t("applications.command.hint"), when: isProgram },
      ...rdpFields(),
      ...wineFields(),
      ...desktopFields(),
      { name: "entitled.groups", label: t("applications.groups"), kind: "names", labels, group: t("applications.entitled"), suggestions: (typed) => this.#suggestions.like("groups", typed) },
      { name: "entitled.users", label: t("applications.people"), kind: "names", labels, suggestions: (typed) => this.#suggestions.like("users", typed) },
      { name: "host_groups", label: t("applications.hostgroups"), kind: "names", labels, group: t("applications.where"), hint: t("applications.hostgroups.hint"), suggestions: (typed) => this.#suggestions.like("hostGroups", typed) },
      { name: "minimum_memory_bytes", label: t("applications.memory"), kind: "number", hint: t("applications.memory.hint") },
      { name: "environment", label: t("applications.environment"), kind: "pairs", hint: t("applications.environment.hint"), group: t("applications.more"), when: (values) => isProgram(values) || isWine(values) },
      { name: "disabled", label: t("applications.disabled.field"), kind: "flag", hint: t("applications.disabled.hint") },
    ];
  }

  /** @param {Application} application */
  #facts({ name, command, rdp, wine, desktop, entitled, host_groups: groups = [], environment, disabled }) {
    return facts([
      [t("applications.name"), name],
      [t("applications.state"), t(disabled ? "applications.disabled" : "applications.enabled")],
      [t(rdp ? "rdp.server" : wine ? "wine.program" : desktop ? "desktop.display" : "applications.command"), h("code", {}, shownText({ command, rdp, wine, desktop }))],
      [t("applications.groups"), names(entitled.groups, t("applications.nobody"))],
      [t("applications.people"), names(entitled.users, t("applications.nobody"))],
      [t("applications.hostgroups"), names(groups, t("applications.anyhost"))],
      [t("applications.environment"), Object.entries(environment).map(([key, value]) => `${key}=${value}`).join("\n")],
    ]);
  }

  /**
   * @param {string} name
   * @param {boolean} existed
   */
  #saved(name, existed) {
    this.settle();
    this.#context.toasts.show(t(existed ? "applications.saved" : "applications.published", { name }));
    this.#leave(existed ? null : name);
    if (existed) this.changed();
  }

  /** @param {Application} application */
  async #delete(application) {
    if (!(await deleteApplications(this.#context, [application]))) return;
    this.settle();
    this.#leave("");
  }

  /** @param {string | null} name to be shown instead; "" nothing, null the same */
  #leave(name) {
    if (name !== null) this.#context.go(addressOf("applications", name));
  }
}

/** @param {Record<string, any>} values */
function isProgram(values) {
  return values.runs === "program";
}

/** What the form lacks. @param {Record<string, any>} values */
function missing(values) {
  if (isWine(values)) return wineMissing(values);
  return isProgram(values) && values.command.length === 0 ? { field: "command", message: t("applications.command.needed") } : undefined;
}
