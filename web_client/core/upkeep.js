/**
 * What keeps an attached connection going: a grant that never grows old, and pings that notice a silent network.
 *
 * A network that vanished, and a gateway that froze, close no socket for minutes: silence after a ping is the only sign.
 * It may also be a large picture on a slow line. So silence first raises a doubt: does the gateway answer anything at
 * all? If not, the connection is lost; if it does, there is more patience. Knows no message and no socket: the connection
 * says when it is attached, when it hears something and when it sent input, and does the rest.
 */

const GRANT_RENEWAL_MS = 5 * 60_000;
const RENEWAL_RETRY_MS = 60_000;
export const PING_MS = 2_000;
/** Input is acknowledged within some 400 ms and the way of the network. */
export const INPUT_MS = 1_200;
/** A ping is not answered for so long though the gateway lives: its connection is half open, or the host is gone. */
export const SILENCE_MS = 10_000;

export class Upkeep {
  #ping;
  #renew;
  #answers;
  #silent;
  #pingTimer = 0;
  #inputTimer = 0;
  #renewalTimer = 0;
  #heardSincePing = true;
  #unansweredPings = 0;
  #isDoubting = false;
  /** Counts starts and stops: what a doubt of before found out is of no interest. */
  #run = 0;
  #isRunning = false;

  /**
   * @param {object} parts
   * @param {() => void} parts.ping asks the worker for any answer
   * @param {() => Promise<void>} parts.renew gets a new grant and hands it over; may reject
   * @param {() => Promise<boolean>} parts.answers whether the gateway answers anything at all
   * @param {() => void} parts.silent the connection is as good as lost
   */
  constructor({ ping, renew, answers, silent }) {
    this.#ping = ping;
    this.#renew = renew;
    this.#answers = answers;
    this.#silent = silent;
  }

  start() {
    this.stop();
    this.#isRunning = true;
    this.heard();
    this.#pingLater();
    this.#renewAfter(GRANT_RENEWAL_MS);
  }

  stop() {
    this.#run++;
    this.#isRunning = false;
    this.#isDoubting = false;
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#inputTimer);
    clearTimeout(this.#renewalTimer);
    this.#inputTimer = 0;
  }

  heard() {
    this.#heardSincePing = true;
    this.#unansweredPings = 0;
    clearTimeout(this.#inputTimer);
    this.#inputTimer = 0;
  }

  /** Input was sent: something must come back. */
  sent() {
    if (this.#isRunning && !this.#inputTimer) this.#inputTimer = setTimeout(() => this.#doubt(), INPUT_MS);
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

  #check() {
    if (!this.#heardSincePing && ++this.#unansweredPings * PING_MS >= SILENCE_MS) return this.#silent();
    if (!this.#heardSincePing) this.#doubt();
    this.probe();
  }

  async #doubt() {
    if (this.#isDoubting) return;
    this.#isDoubting = true;
    this.#heardSincePing = false;
    const run = this.#run;
    const lives = await this.#answers();
    if (run !== this.#run) return;
    this.#isDoubting = false;
    if (!lives && !this.#heardSincePing) this.#silent();
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
