/**
 * Which gateway one connection tries next. A round tries each gateway once; only when all have failed there is a wait.
 */

/** @typedef {import("./gateways.js").Gateways} Gateways */

export class Route {
  #gateways;
  /** @type {Set<string>} */
  #tried = new Set();
  #rounds = 0;
  current = "";

  /** @param {Gateways} gateways */
  constructor(gateways) {
    this.#gateways = gateways;
  }

  /** How many rounds have failed: the later, the more patience an attempt deserves. */
  get rounds() {
    return this.#rounds;
  }

  /** Goes to the best gateway that this round has not tried. @returns {string} its origin */
  next() {
    this.current = this.#untried()[0] ?? this.#gateways.ordered()[0];
    return this.current;
  }

  /** The present gateway did not do, or did no more. @returns {boolean} whether another is to be tried at once */
  failed() {
    this.#gateways.failed(this.current);
    this.#tried.add(this.current);
    if (this.#untried().length > 0) return true;
    this.#tried.clear();
    this.#rounds++;
    return false;
  }

  attached() {
    this.#gateways.worked(this.current);
    this.#tried.clear();
    this.#rounds = 0;
  }

  /** Whether the present gateway lives. */
  answers() {
    return this.#gateways.answers(this.current);
  }

  #untried() {
    return this.#gateways.ordered().filter((origin) => !this.#tried.has(origin));
  }
}
