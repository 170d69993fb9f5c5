/**
 * The gateways of the site, as this page knows them: which to go to first.
 *
 * The page's own is first, then the others in the order in which the site names them; one that failed goes to the end
 * until it works again. Streams and API requests share what they learn. No I/O but the probe that is given.
 */

/** How long a gateway may take to say that it lives: it does nothing for that. */
export const PROBE_MS = 1500;

/** @typedef {(origin: string) => Promise<boolean>} Probe whether the gateway answers anything at all */

export class Gateways {
  #own;
  #probe;
  /** @type {string[]} */
  #others = [];
  /** Origin -> when it failed, counted. @type {Map<string, number>} */
  #failures = new Map();
  #count = 0;

  /**
   * @param {string} own origin of the page
   * @param {Probe} [probe]
   */
  constructor(own, probe = async () => false) {
    this.#own = own;
    this.#probe = probe;
  }

  /** What an answer of the API said, if it said so. @param {unknown} origins */
  learn(origins) {
    if (!Array.isArray(origins)) return;
    this.#others = origins.filter((origin) => typeof origin === "string" && origin !== this.#own && isOrigin(origin));
    for (const origin of this.#failures.keys()) if (!this.#all().includes(origin)) this.#failures.delete(origin);
  }

  /** The best one first. @returns {string[]} */
  ordered() {
    const failedAt = (/** @type {string} */ origin) => this.#failures.get(origin) ?? 0;
    return this.#all().sort((one, other) => failedAt(one) - failedAt(other));
  }

  /** Those to which the login's cookie goes: it is bound to the page's host name. @returns {string[]} */
  withCookie() {
    const { protocol, hostname } = new URL(this.#own);
    return this.ordered().filter((origin) => {
      const url = new URL(origin);
      return url.protocol === protocol && url.hostname === hostname;
    });
  }

  /** @param {string} origin */
  failed(origin) {
    this.#failures.set(origin, ++this.#count);
  }

  /** @param {string} origin */
  worked(origin) {
    this.#failures.delete(origin);
  }

  /** @param {string} origin */
  answers(origin) {
    return this.#probe(origin);
  }

  #all() {
    return [this.#own, ...this.#others];
  }
}

/**
 * Asks a gateway for its health; whatever it says, it lives.
 * @param {string} origin
 */
export async function probe(origin) {
  try {
    await fetch(`${origin}/healthz`, { cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(PROBE_MS) });
    return true;
  } catch {
    return false;
  }
}

/** @param {string} origin */
export function streamUrl(origin) {
  return `${origin.replace(/^http/, "ws")}/stream`;
}

/** @param {string} text */
function isOrigin(text) {
  try {
    return new URL(text).origin === text && /^https?:/.test(text);
  } catch {
    return false;
  }
}
