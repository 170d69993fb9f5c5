/** Host groups, as hosts and applications name them. Pure. */

/** @typedef {{name: string, hosts: string[], applications: string[], online: number, slots: number, sessions: number}} HostGroup */

/**
 * @param {{name: string, groups: string[], online: boolean, draining: boolean, slots: number, sessions: number}[]} hosts
 * @param {{name: string, host_groups?: string[]}[]} applications
 * @returns {HostGroup[]}
 */
export function groupsOf(hosts, applications) {
  /** @type {Map<string, HostGroup>} */
  const groups = new Map();
  /** @param {string} name */
  const group = (name) => {
    const known = groups.get(name) ?? { name, hosts: [], applications: [], online: 0, slots: 0, sessions: 0 };
    groups.set(name, known);
    return known;
  };
  for (const { name, groups: own, online, draining, slots, sessions } of hosts)
    for (const each of own) {
      const one = group(each);
      one.hosts.push(name);
      one.online += Number(online && !draining);
      one.slots += slots;
      one.sessions += sessions;
    }
  for (const { name, host_groups: named = [] } of applications) for (const each of named) group(each).applications.push(name);
  return Array.from(groups.values()).sort((a, b) => a.name.localeCompare(b.name));
}
