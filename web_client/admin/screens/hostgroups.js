/** Host groups: which hosts belong to each and which applications run there. A group is there while anything names it. */

import { h } from "../../ui/dom.js";
import { facts, meter, names } from "../cells.js";
import { Form } from "../../ui/form.js";
import { fieldOf, shortList } from "../lists.js";
import { ListScreen } from "../list_screen.js";
import { formTexts, ObjectPanel } from "../object_panel.js";
import { addressOf } from "../router.js";
import { t } from "../strings.js";
import { Suggestions } from "../suggestions.js";
import { addWhatIf } from "../whatif_button.js";
import { groupsOf } from "./host_group_rules.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("./host_group_rules.js").HostGroup} HostGroup */

/**
 * @param {Context} context
 * @param {import("../router.js").Place} place
 */
export function open(context, place) {
  /** @param {AbortSignal} signal */
  const read = async (signal) => {
    const [hosts, applications] = await Promise.all([
      context.get("/hosts", signal), context.may("applications.read") ? context.get("/applications", signal) : { items: [] },
    ]);
    return groupsOf(hosts.items, applications.items);
  };
  /** @type {import("../list_screen.js").Parts<HostGroup>} */
  const parts = {
    id: "hostgroups",
    kinds: ["host", "application"],
    search: t("hostgroups.search"),
    columns: columns(),
    load: shortList(read, fieldOf, ["name", "hosts", "applications"]),
    key: ({ name }) => name,
    empty: t("hostgroups.none"),
    create: context.may("hosts.write") ? { label: t("hostgroups.new"), name: "+" } : undefined,
    panel: (name, item) => panelOf(context, read, name, item),
  };
  return new ListScreen(context, place, parts);
}

/** @returns {import("../../ui/grid_view.js").Column<HostGroup>[]} */
function columns() {
  return [
    { id: "name", title: t("machines.name"), width: "minmax(8rem, 1fr)", text: ({ name }) => name, cell: ({ name }) => h("bdi", {}, name) },
    { id: "online", title: t("hostgroups.online"), width: "7rem", text: ({ online, hosts }) => `${online} / ${hosts.length}` },
    { id: "sessions", title: t("hosts.sessions"), width: "10rem", text: ({ sessions, slots }) => `${sessions} / ${slots}`, cell: ({ sessions, slots }) => meter(sessions, slots, `${sessions} / ${slots}`) },
    { id: "hosts", title: t("screen.hosts"), width: "minmax(8rem, 2fr)", shown: "wide", sortable: false, text: ({ hosts }) => hosts.join(", "), cell: ({ hosts }) => names(hosts, t("hostgroups.nohost")) },
    {
      id: "applications", title: t("screen.applications"), width: "minmax(8rem, 2fr)", shown: "wide", sortable: false,
      text: ({ applications }) => applications.join(", "), cell: ({ applications }) => names(applications, t("users.nogroup")),
    },
  ];
}

/**
 * @param {Context} context
 * @param {(signal: AbortSignal) => Promise<HostGroup[]>} read
 * @param {string} name "+" for a new one
 * @param {HostGroup | undefined} item
 */
function panelOf(context, read, name, item) {
  const isNew = name === "+";
  const suggestions = new Suggestions(context);
  /** @type {ObjectPanel<HostGroup>} */
  const panel = new ObjectPanel({
    title: isNew ? t("hostgroups.new") : name,
    item: isNew ? { name: "", hosts: [], applications: [], online: 0, slots: 0, sessions: 0 } : item,
    find: async (signal) => (await read(signal)).find((each) => each.name === name),
    draw: (group) => [
      ...(isNew ? [] : [about(context, group)]),
      ...(context.may("hosts.write") ? [form(context, group, isNew, suggestions, () => panel.settle())] : []),
    ],
  });
  return panel;
}

/** @param {Context} context @param {HostGroup} group */
function about(context, { name, hosts, applications, online, sessions, slots }) {
  /** @param {string} screen @param {string[]} all @param {string} none */
  const links = (screen, all, none) => (all.length === 0 ? h("span", { class: "muted" }, none)
    : h("span", { class: "tags" }, ...all.map((each) => h("a", { class: "tag", href: addressOf(screen, each) }, h("bdi", {}, each)))));
  return h("div", {}, facts([
    [t("hostgroups.online"), `${online} / ${hosts.length}`],
    [t("hosts.sessions"), meter(sessions, slots, `${sessions} / ${slots}`)],
    [t("screen.hosts"), links("hosts", hosts, t("hostgroups.nohost"))],
    [t("screen.applications"), context.may("applications.read") && links("applications", applications, t("hostgroups.noapplication"))],
  ]),
  context.may("applications.write") && hosts.length > 0 && h("p", { class: "links" }, h("a", { href: addressOf("installed", "", { host_group: name }) }, t("installed.show"))),
  hosts.length === 0 && applications.length > 0 && h("p", { class: "alert" }, t("hostgroups.stuck", { name })));
}

/**
 * Which hosts belong to it: each host's groups are set, and can be set back.
 * @param {Context} context
 * @param {HostGroup} group
 * @param {boolean} isNew
 * @param {Suggestions} suggestions
 * @param {() => void} settle
 */
function form(context, group, isNew, suggestions, settle) {
  const made = new Form({
    fields: [
      ...(isNew ? [{ name: "name", label: t("machines.name"), kind: /** @type {const} */ ("text") }] : []),
      { name: "hosts", label: t("screen.hosts"), kind: "names", hint: t("hostgroups.hosts.hint"), labels: { remove: t("form.remove") }, suggestions: (typed) => suggestions.like("hosts", typed) },
    ],
    values: { name: group.name, hosts: group.hosts }, texts: formTexts(),
    cancel: () => context.go(addressOf("hostgroups")),
    send: async (values) => {
      const name = (values.name ?? group.name).trim();
      if (name === "") return { field: "name", message: t("hostgroups.name.needed") };
      const { items } = await context.get("/hosts");
      const unknown = values.hosts.find((/** @type {string} */ host) => !items.some((/** @type {{name: string}} */ each) => each.name === host));
      if (unknown !== undefined) return { field: "hosts", message: t("hostgroups.unknown", { name: unknown }) };
      settle();
      await setMembers(context, name, items, new Set(values.hosts));
      context.go(addressOf("hostgroups", isNew ? name : ""));
      return null;
    },
  });
  addWhatIf(context, made.element, () => [{ kind: "host-group", name: (made.values.name ?? group.name).trim(), hosts: made.values.hosts }]);
  return made;
}

/**
 * @param {Context} context
 * @param {string} name
 * @param {{name: string, groups: string[]}[]} hosts
 * @param {Set<string>} wanted
 */
function setMembers(context, name, hosts, wanted) {
  const changing = hosts.filter((host) => wanted.has(host.name) !== host.groups.includes(name));
  /** @param {string} host @param {string[]} groups */
  const put = (host, groups) => context.change("PUT", `/hosts/${encodeURIComponent(host)}`, { groups });
  return context.doAll(changing, ({ name: host, groups }) => put(host, wanted.has(host) ? [...groups, name] : groups.filter((each) => each !== name)), {
    done: "hosts.saved", name: (host) => host.name, undo: ({ name: host, groups }) => put(host, groups),
  });
}
