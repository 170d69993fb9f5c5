/** Addresses of the console: `#/<screen>/<name>?<query>`. Pure but for `Router`, which listens to the address. */

/** @typedef {{screen: string, name: string, query: URLSearchParams}} Place `name`: of an object, "" for the list */

/**
 * @param {string} hash
 * @returns {Place}
 */
export function placeOf(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [screen = "", ...rest] = path.split("/");
  return { screen: decoded(screen), name: decoded(rest.join("/")), query: new URLSearchParams(query) };
}

/**
 * @param {string} screen
 * @param {string} [name]
 * @param {URLSearchParams | Record<string, string>} [query]
 */
export function addressOf(screen, name = "", query = {}) {
  const path = name === "" ? `#/${encodeURIComponent(screen)}` : `#/${encodeURIComponent(screen)}/${encodeURIComponent(name)}`;
  const parameters = new URLSearchParams(query).toString();
  return parameters ? `${path}?${parameters}` : path;
}

/** An address may have been typed by hand. @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export class Router {
  #moved;

  /** @param {(place: Place, from: string) => void} moved `from`: the address before */
  constructor(moved) {
    this.#moved = moved;
    addEventListener("hashchange", ({ oldURL }) => this.#moved(this.place, new URL(oldURL).hash));
  }

  get place() {
    return placeOf(location.hash);
  }

  /** Goes there; Back returns. @param {string} address */
  go(address) {
    if (location.hash === address) this.#moved(this.place, address);
    else location.hash = address;
  }

  /** Says the same place in another way: nothing to go back to. @param {string} address */
  say(address) {
    if (location.hash !== address) history.replaceState(null, "", address);
  }
}
