/** Who may start what, both ways round: of an application its users, of a user or a group its applications. */

import { DataTable } from "../../ui/data_table.js";
import { h } from "../../ui/dom.js";
import { parametersOf } from "../../ui/list_query.js";
import { badge, names } from "../cells.js";
import { EntitledForm } from "../entitled_form.js";
import { labelled } from "../labelled.js";
import { mayOpen } from "../links.js";
import { addressOf } from "../router.js";
import { errorText, t } from "../strings.js";
import { suggestField } from "../suggest.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../router.js").Place} Place */
/** @typedef {"application" | "user" | "group"} Side */
/** @typedef {{application: string, name: string, by_name: boolean, groups: string[], disabled: boolean}} Entitled */

const LISTS = { application: "/admin/applications", user: "/admin/users", group: "/admin/groups" };
const SIDES = /** @type {Side[]} */ (Object.keys(LISTS));

/** @param {Context} context @param {Place} place */
export function open(context, place) {
  return new EntitlementsScreen(context, place);
}

class EntitlementsScreen {
  #context;
  #content = h("div", { class: "entitled" });
  /** @type {DataTable<Entitled> | null} */
  #table = null;
  /** @type {EntitledForm | null} */
  #form = null;
  /** @type {Map<Side, HTMLInputElement>} */
  #inputs = new Map();
  #shown = "";

  /** @param {Context} context @param {Place} place */
  constructor(context, place) {
    this.#context = context;
    this.element = h("div", { class: "screen entitlements" }, h("div", { class: "questions" }, ...SIDES.map((side) => this.#question(side))), this.#content);
    this.#show(place);
  }

  focus() {
    if (this.#shown === "") this.#inputs.get("application")?.focus();
    else this.#content.querySelector("h2")?.focus();
  }

  stop() {
    this.#table?.stop();
    this.#form?.stop();
  }

  /** @param {Place} place */
  async moved(place) {
    if (place.name === this.#shown) return;
    if (this.#form && !(await this.#form.mayClose())) return this.#context.say(addressOf("entitlements", this.#shown));
    this.#show(place);
    this.focus();
  }

  /** @param {Set<string> | null} kinds */
  changed(kinds) {
    if (kinds !== null && !["application", "user", "group"].some((kind) => kinds.has(kind))) return;
    this.#table?.refresh();
    this.#form?.changed();
  }

  search() {
    this.#table?.focusSearch();
  }

  /** @param {number} by */
  move(by) {
    this.#table?.focus();
    this.#table?.move(by);
  }

  /** @param {Side} side */
  #question(side) {
    const { input, options } = suggestField(this.#context.client, LISTS[side], {});
    this.#inputs.set(side, input);
    return h("form", { class: "question", novalidate: true, submit: (/** @type {Event} */ event) => {
      event.preventDefault();
      const name = input.value.trim();
      if (name === "") input.focus();
      else this.#context.go(addressOf("entitlements", `${side}/${name}`));
    } }, labelled(t(`entitlements.of.${side}`), input, "", options), h("button", { type: "submit" }, t("entitlements.show")));
  }

  /** @param {Place} place */
  #show(place) {
    this.stop();
    this.#table = this.#form = null;
    this.#shown = place.name;
    const slash = place.name.indexOf("/");
    const side = SIDES.find((each) => each === place.name.slice(0, slash));
    const name = place.name.slice(slash + 1);
    for (const [each, input] of this.#inputs) input.value = each === side ? name : "";
    if (side === undefined || name === "") return this.#content.replaceChildren(h("p", { class: "muted" }, t("entitlements.lead")));
    this.#table = this.#newTable(side, name);
    this.#form = side === "application" && this.#context.may("applications.write") ? new EntitledForm(this.#context, name, () => this.#table?.refresh()) : null;
    this.#content.replaceChildren(h("h2", { tabindex: "-1" }, h("bdi", {}, t(`entitlements.title.${side}`, { name }))),
      this.#links(side, name), ...(this.#form ? [this.#form.element] : []), this.#table.element);
  }

  /**
   * @param {Side} side
   * @param {string} name
   */
  #links(side, name) {
    const may = mayOpen(this.#context);
    const simulation = addressOf("simulation", "", side === "group" ? {} : { [side]: name });
    const object = addressOf(`${side}s`, name);
    return h("div", { class: "buttons panel-tools" },
      may(object) && h("a", { class: "button small", href: object }, t(`entitlements.open.${side}`)),
      side !== "group" && may(simulation) && h("a", { class: "button small", href: simulation }, t("entitlements.simulate")));
  }

  /**
   * @param {Side} side
   * @param {string} name
   * @returns {DataTable<Entitled>}
   */
  #newTable(side, name) {
    const ofApplication = side === "application";
    const other = ofApplication ? "user" : "application";
    const key = (/** @type {Entitled} */ each) => (ofApplication ? each.name : each.application);
    const href = (/** @type {Entitled} */ each) => addressOf("entitlements", `${other}/${key(each)}`);
    return new DataTable({
      texts: t, label: t(`entitlements.title.${side}`, { name }), search: t(`entitlements.search.${other}`), key, href,
      open: (each) => this.#context.go(href(each)), empty: () => h("p", {}, t(`entitlements.none.${side}`)), failed: errorText,
      columns: [
        { id: "name", title: t(`entitlements.${other}`), width: "minmax(9rem, 1.5fr)", sortable: false, text: key },
        { id: "by", title: t("entitlements.by"), width: "minmax(9rem, 2fr)", sortable: false, text: byText, cell: by },
        { id: "disabled", title: t("entitlements.state"), width: "7rem", sortable: false, text: stateText,
          cell: (each) => badge(each.disabled ? "off" : "ok", stateText(each)) },
      ],
      load: (query, page, signal) => {
        const parameters = parametersOf(query, page);
        parameters.set(side, name);
        return this.#context.get(`/entitlements?${parameters}`, signal);
      },
    });
  }
}

/** @param {Entitled} entitled */
function byText({ by_name: isByName, groups }) {
  return [...(isByName ? [t("entitlements.byname")] : []), ...groups].join(", ");
}

/** @param {Entitled} entitled */
function by({ by_name: isByName, groups }) {
  return h("span", { class: "tags" }, isByName && h("span", {}, t("entitlements.byname")), isByName && groups.length > 0 && " ", groups.length > 0 && names(groups, ""));
}

/** @param {Entitled} entitled */
function stateText({ disabled }) {
  return t(disabled ? "entitlements.disabled" : "entitlements.enabled");
}
