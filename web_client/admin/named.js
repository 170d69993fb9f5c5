/** Paths of the API that name an object. Pure. */

/** What no gateway lets pass in a path (docs/api.md). */
const UNADDRESSABLE = /[/\\%]|^\.{1,2}$/;

/**
 * @param {string} folder such as "/groups/"
 * @param {string} name
 */
export function pathTo(folder, name) {
  const encoded = encodeURIComponent(name);
  return UNADDRESSABLE.test(name) ? `${folder}-?name=${encoded}` : folder + encoded;
}
