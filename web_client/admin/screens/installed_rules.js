/** What is installed on hosts, and what is published of it. Pure. */

/**
 * @typedef {object} Installed
 * @property {string} id
 * @property {string} name
 * @property {string} suggested_name that an application may have
 * @property {string[]} command
 * @property {string} comment
 * @property {string[]} categories
 * @property {string[]} mime_types
 * @property {string} window_class
 * @property {string} working_directory
 * @property {boolean} terminal
 * @property {boolean} icon it names one
 * @property {string[]} published names of the applications that start it
 * @property {string} host that has it
 * @property {string[]} missing hosts of the group that lack it
 */
/** @typedef {{host: string, group: string}} Where one of them is "" */
/** @typedef {{content_type: string, data: string} | {hash: string}} Icon */

/** What is told of where a page looks, as a parameter of the API and of the address. @param {Where} where @returns {Record<string, string>} */
export function parameterOf({ host, group }) {
  return group ? { host_group: group } : host ? { host } : {};
}

/** @param {URLSearchParams} query @returns {Where} */
export function whereOf(query) {
  const group = query.get("host_group") ?? "";
  return { group, host: group ? "" : query.get("host") ?? "" };
}

/**
 * What it would be published as: names that nothing has yet, and no two of them the same.
 * @param {{suggested_name: string}[]} items
 * @param {string[]} taken
 */
export function freeNames(items, taken) {
  const known = new Set(taken.map(folded));
  return items.map(({ suggested_name: name }) => {
    let free = name;
    for (let number = 2; known.has(folded(free)); number++) free = `${name.slice(0, 60)} ${number}`;
    known.add(folded(free));
    return free;
  });
}

/**
 * Index of the first name that another one before it has too, or that is taken; -1: none.
 * @param {string[]} names
 * @param {string[]} taken
 */
export function firstTaken(names, taken) {
  const known = new Set(taken.map(folded));
  return names.findIndex((name) => {
    const isTaken = known.has(folded(name));
    known.add(folded(name));
    return isTaken;
  });
}

/**
 * As documents of the configuration (docs/configuration.md).
 * @param {Installed[]} items
 * @param {string[]} names
 * @param {{groups: string[], users: string[], host_groups: string[]}} values
 * @param {Map<string, Icon>} [icons] by id
 */
export function documentsOf(items, names, { groups, users, host_groups }, icons = new Map()) {
  return items.map(({ id, command }, index) => {
    const icon = icons.get(id);
    return {
      kind: "application", name: names[index].trim(), command, entitled: { groups, users }, host_groups, ...(icon && { icon }),
    };
  });
}

/** @param {string} name */
function folded(name) {
  return name.trim().normalize("NFC").toLowerCase();
}
