/**
 * What keeps an attached connection going: a grant that never grows old, and pings that notice a silent network.
 *
 * Knows no message and no socket: the connection says when it is attached and when it hears something, and does the rest.
 */

const GRANT_RENEWAL_MS = 5 * 60_000;
const RENEWAL_RETRY_MS = 60_000;
const PING_MS = 10_000;

export class Upkeep {
  #ping;
  #renew;
  #silent;
  #pingTimer = 0;
  #renewalTimer = 0;
  #heardSincePing = true;
  #isRunning = false;

  /**
   * @param {object} parts
   * @param {() => void} parts.ping asks the worker for any answer
   * @param {() => Promise<void>} parts.renew gets a new grant and hands it over; may reject
   * @param {() => void} parts.silent a ping was not answered
   */
  constructor({ ping, renew, silent }) {
    this.#ping = ping;
    this.#renew = renew;
    this.#silent = silent;
  }

  start() {
    this.#isRunning = true;
    this.#heardSincePing = true;
    this.#pingLater();
    this.#renewAfter(GRANT_RENEWAL_MS);
  }

  stop() {
    this.#isRunning = false;
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#renewalTimer);
  }

  heard() {
    this.#heardSincePing = true;
  }

  /** Asks now, instead of when it is time to. */
  probe() {
    this.#heardSincePing = false;
    this.#ping();
    this.#pingLater();
  }

  #pingLater() {
    clearTimeout(this.#pingTimer);
    this.#pingTimer = setTimeout(() => this.#check(), PING_MS);
  }

  /** A network that vanished without a word closes no socket for minutes: silence after a ping is the only sign. */
  #check() {
    if (this.#heardSincePing) this.probe();
    else this.#silent();
  }

  /** @param {number} ms */
  #renewAfter(ms) {
    clearTimeout(this.#renewalTimer);
    this.#renewalTimer = setTimeout(() => this.#renewNow(), ms);
  }

  async #renewNow() {
    let next = GRANT_RENEWAL_MS;
    try {
      await this.#renew();
    } catch {
      // The grant at hand holds for half an hour: a broker that is away is asked again, a real refusal ends the stream.
      next = RENEWAL_RETRY_MS;
    }
    if (this.#isRunning) this.#renewAfter(next);
  }
}
