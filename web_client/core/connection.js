/**
 * One client's connection to its session, kept alive through any gateway: attach, proof, resume, renewed grants
 * (docs/protocol.md 1.1).
 *
 * States: idle -> connecting -> active <-> reconnecting -> closed. Everything that happens comes in through the
 * transport's callbacks and timers, so it runs in tests without a browser. Events:
 * `state` {state, code}, `welcome` {welcome}, `received` {message, receivedAt}.
 */

import { attachMessage, epochOf, sign } from "./attach.js";
import { streamUrl } from "./gateways.js";
import { Outbox } from "./input/outbox.js";
import { isOfTheWay } from "./protocol/closing.js";
import { VERSION } from "./protocol/messages.js";
import { ReconnectPolicy } from "./reconnect.js";
import { Route } from "./route.js";
import { Upkeep } from "./upkeep.js";

/** @typedef {import("./protocol/messages.js").Message} Message */
/** @typedef {import("./protocol/messages.js").Input} Input */
/** @typedef {import("./protocol/messages.js").Challenge} Challenge */
/** @typedef {import("./protocol/messages.js").Welcome} Welcome */
/** @typedef {import("./transport/transport.js").TransportLike} TransportLike */
/** @typedef {import("./transport/transport.js").Received} Received */
/** @typedef {import("./reconnect.js").Step} Step */
/** @typedef {"idle" | "connecting" | "active" | "reconnecting" | "closed"} State */
/**
 * @typedef {object} Attach
 * @property {import("./gateways.js").Gateways} gateways through any of which it may go
 * @property {string} sessionId
 * @property {CryptoKeyPair} key the login's P-256 key
 * @property {() => Promise<string>} ticket rejects with an error whose `code` is the API's
 * @property {(e: number) => Promise<string>} renewGrant
 * @property {() => Promise<string | null>} [inquire] why a connection may have been lost: a final reason code, or null
 */

const HANDSHAKE_MS = 20_000;
/** Until the socket is open: a frozen gateway takes connections and says nothing. Doubles with every round. */
const OPENING_MS = 3_000;
/** The API may be as far away as the stream: why it was lost is not waited for any longer. */
const WHY_MS = 3_000;
const GOING_AWAY = 4000;
const PROTOCOL_ERROR = 4400;
const AT_ONCE = 512;
/** What follows each message of the handshake; after WELCOME anything of the worker's may. */
const NEXT_TURN = new Map([["ADMITTED", "CHALLENGE"], ["CHALLENGE", "WELCOME"]]);
const FROM_WORKER = new Set([
  "PONG", "PICTURE", "RESIZED", "CURSOR", "CURSOR_USE", "TITLE", "NOTICE", "COVERED", "INPUT_ACK", "CLIPBOARD_TEXT",
  "FEATURES", "QUALITY",
]);

export class Connection extends EventTarget {
  #attach;
  #transport;
  #policy;
  #route;
  #outbox = new Outbox();
  /** @type {State} */
  #state = "idle";
  #grant = "";
  #e = 0;
  #attempt = 0;
  #lastAcknowledged = 0;
  #pings = 0;
  #pingAt = 0;
  #ticket = "";
  #closingReason = "";
  /** Whoever listens for `welcome` is being told: what they send follows the input that is repeated. */
  #isWelcoming = false;
  /** What the worker was told with the proof. @type {Message | null} */
  #offered = null;
  #handshakeTimer = 0;
  /** The message of the handshake that must come next; null once it is over. @type {string | null} */
  #turn = "nothing";
  #upkeep = new Upkeep({
    ping: () => this.#ping(),
    renew: () => this.#renew(),
    answers: () => this.#route.answers(),
    silent: () => this.#abandon(),
  });
  /** Set while a wait for the next attempt runs: ends it early. @type {(() => void) | null} */
  #hurry = null;

  /**
   * @param {Attach} attach
   * @param {TransportLike} transport
   * @param {ReconnectPolicy} [policy]
   */
  constructor(attach, transport, policy = new ReconnectPolicy()) {
    super();
    this.#attach = attach;
    this.#transport = transport;
    this.#policy = policy;
    this.#route = new Route(attach.gateways);
    transport.onopened = () => this.#admit();
    transport.onmessages = (messages, receivedAt) => this.#received(messages, receivedAt);
    transport.onclosed = (code, reason) => this.#lost(code, reason);
    transport.oncapabilities = () => this.send(transport.capabilities);
  }

  get state() {
    return this.#state;
  }

  start() {
    this.#enter("connecting");
    this.#run({ action: "ticket", waitMs: 0, reason: "", ask: false });
  }

  /** Ends the connection; the session goes on without it. */
  stop(code = "disconnected") {
    if (this.#state === "closed") return;
    this.#turn = "nothing";
    this.#clearTimers();
    this.#transport.end();
    this.#enter("closed", code);
  }

  /** The network is back, or the page is looked at again: no need to wait any longer. */
  hurry() {
    this.#hurry?.();
    if (this.#state === "active") this.#upkeep.probe();
  }

  /** Sends when attached; a message that is only about now is otherwise forgotten. @param {...Message} messages */
  send(...messages) {
    if (this.#state === "active") this.#transport.send(...messages);
  }

  /**
   * Sends input, or keeps it for the resume. False if it had to be refused.
   * @param {Input} input
   */
  input(input) {
    if (this.#state === "reconnecting" || this.#isWelcoming) return this.#outbox.addWhileAway(input);
    if (this.#state !== "active") return false;
    this.#transport.send(this.#outbox.add(input));
    this.#upkeep.sent();
    return true;
  }

  /** The number of the input that was sent last. */
  get lastSequence() {
    return this.#outbox.sequence;
  }

  /** Which PING was sent last, and when. */
  get lastPing() {
    return { id: this.#pings % 2 ** 32, at: this.#pingAt };
  }

  get hasUnappliedInput() {
    return this.#outbox.size > 0;
  }

  /** @param {number} sequence @param {number} drawnAfterUs */
  acknowledge(sequence, drawnAfterUs) {
    this.#lastAcknowledged = sequence;
    this.send({ message: "ACK", sequence, drawnAfterUs });
  }

  // --- attempts

  /** @param {Step} step */
  async #run(step) {
    if (step.action === "stop") return this.stop(step.reason);
    await this.#wait(step.waitMs);
    if (this.#isClosed()) return;
    const final = step.ask ? await this.#why() : null;
    if (final !== null) return this.stop(final);
    if (step.action === "ticket" && !(await this.#fetchTicket())) return;
    if (this.#isClosed()) return;
    this.#attempt++;
    this.#turn = "ADMITTED";
    this.#giveIn(Math.min(OPENING_MS * 2 ** this.#route.rounds, HANDSHAKE_MS));
    this.#transport.open(streamUrl(this.#route.next()));
  }

  /** True once there is a ticket; otherwise the next step is under way. */
  async #fetchTicket() {
    try {
      this.#ticket = await this.#attach.ticket();
      return true;
    } catch (error) {
      if (!this.#isClosed()) this.#run(this.#policy.ticketFailed(codeOf(error)));
      return false;
    }
  }

  async #why() {
    const late = new Promise((resolve) => setTimeout(() => resolve(null), WHY_MS));
    try {
      return (await Promise.race([this.#attach.inquire?.(), late])) ?? null;
    } catch {
      // Nobody answers: which is what a lost network looks like, so the next attempt is right.
      return null;
    }
  }

  /** Ends the attempt if it does not come to something. @param {number} ms */
  #giveIn(ms) {
    clearTimeout(this.#handshakeTimer);
    this.#handshakeTimer = setTimeout(() => this.#abandon(), ms);
  }

  #admit() {
    this.#giveIn(HANDSHAKE_MS);
    const ticket = this.#ticket;
    this.#ticket = "";
    if (ticket) this.#transport.send({ message: "ADMIT_TICKET", ticket });
    else this.#transport.send({ message: "ADMIT_GRANT", grant: this.#grant });
  }

  #abandon() {
    this.#refuse(GOING_AWAY);
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #lost(code, reason) {
    this.#turn = "nothing";
    this.#clearTimers();
    if (this.#isClosed()) return;
    const elsewhere = isOfTheWay(code) && this.#route.failed();
    const step = this.#policy.closed(code, this.#grant !== "", elsewhere);
    if (step.action === "stop") return this.stop(this.#closingReason || reason || step.reason);
    this.#closingReason = "";
    this.#enter(this.#state === "active" ? "reconnecting" : this.#state, step.reason);
    this.#run(step);
  }

  // --- messages

  /**
   * @param {Received[]} messages
   * @param {number} receivedAt
   */
  #received(messages, receivedAt) {
    this.#upkeep.heard();
    const attempt = this.#attempt;
    for (const message of messages) {
      // One of them may have ended the attempt that they belong to.
      if (this.#turn === "nothing" || attempt !== this.#attempt) return;
      this.#handle(message, receivedAt);
    }
  }

  /**
   * @param {Received} message
   * @param {number} receivedAt
   */
  #handle(message, receivedAt) {
    if (message.message === "CLOSING") this.#closingReason = message.reason;
    else if (this.#turn === null) this.#take(message, receivedAt);
    else if (message.message === this.#turn) this.#advance(message);
    else this.#refuse(PROTOCOL_ERROR);
  }

  /**
   * The handshake's messages come once, each in its turn: a grant or a nonce is not replaced under way.
   * @param {Received} message
   */
  #advance(message) {
    this.#turn = NEXT_TURN.get(message.message) ?? null;
    if (message.message === "ADMITTED") this.#grant = message.grant;
    else if (message.message === "CHALLENGE") this.#prove(message);
    else if (message.message === "WELCOME") this.#welcomed(message);
  }

  /**
   * @param {Received} message
   * @param {number} receivedAt
   */
  #take(message, receivedAt) {
    if (!FROM_WORKER.has(message.message)) return this.#refuse(PROTOCOL_ERROR);
    if (message.message === "INPUT_ACK" || message.message === "PICTURE") this.#outbox.acknowledge(message.lastInput);
    this.dispatchEvent(new CustomEvent("received", { detail: { message, receivedAt } }));
  }

  /** @param {Challenge} challenge */
  async #prove({ lowestVersion, highestVersion, nonce }) {
    if (VERSION < lowestVersion || VERSION > highestVersion) return this.#refuse(4404);
    const attempt = this.#attempt;
    try {
      const e = epochOf(this.#grant);
      if (e !== this.#e) this.#startEpoch(e);
      const { key, sessionId } = this.#attach;
      const lastAcknowledged = this.#lastAcknowledged;
      const signed = await attachMessage({ nonce, grant: this.#grant, lastAcknowledged, sessionId, e });
      const signature = await sign(key, signed);
      // Signing took a moment, in which the attempt may have ended.
      if (attempt !== this.#attempt || this.#turn === "nothing") return;
      this.#offered = this.#transport.capabilities;
      this.#transport.send({ message: "PROOF", version: VERSION, lastAcknowledged, signature }, this.#offered);
    } catch {
      // A grant that cannot be read, or a key that cannot sign: neither gets better by trying again.
      if (attempt === this.#attempt) this.#refuse(4400);
    }
  }

  /** @param {number} code */
  #refuse(code) {
    this.#transport.close(code);
    this.#lost(code, "");
  }

  /** @param {number} e */
  #startEpoch(e) {
    this.#e = e;
    this.#lastAcknowledged = 0;
    this.#outbox.restart();
  }

  /** @param {Welcome} welcome */
  #welcomed(welcome) {
    this.#policy.attached();
    this.#route.attached();
    this.#clearTimers();
    this.#outbox.acknowledge(welcome.lastInput);
    this.#isWelcoming = true;
    this.#enter("active");
    if (this.#offered !== this.#transport.capabilities) this.send(this.#transport.capabilities);
    // Listeners send the view's size and clipboard first, so that repeated input meets them. Input of their own would
    // have a higher number: ahead of what is repeated, it would make all of that look applied.
    this.dispatchEvent(new CustomEvent("welcome", { detail: { welcome } }));
    this.#isWelcoming = false;
    const again = this.#outbox.resume(welcome.lastInput);
    // The worker takes 1024 messages at once (docs/protocol.md 1.1).
    for (let at = 0; at < again.length; at += AT_ONCE) this.#transport.send(...again.slice(at, at + AT_ONCE));
    this.#upkeep.start();
    if (again.length) this.#upkeep.sent();
  }

  // --- keeping

  async #renew() {
    const grant = await this.#attach.renewGrant(this.#e);
    if (this.#state !== "active" || epochOf(grant) !== this.#e) return;
    this.#grant = grant;
    this.send({ message: "GRANT", grant });
  }

  #ping() {
    this.#pingAt = performance.now();
    this.send({ message: "PING", id: ++this.#pings % 2 ** 32 });
  }

  // --- timers

  #clearTimers() {
    clearTimeout(this.#handshakeTimer);
    this.#upkeep.stop();
    this.#hurry?.();
  }

  /** @param {number} ms */
  async #wait(ms) {
    if (ms === 0) return;
    await /** @type {Promise<void>} */ (
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#hurry = () => {
          clearTimeout(timer);
          resolve();
        };
      })
    );
    this.#hurry = null;
  }

  #isClosed() {
    return this.#state === "closed";
  }

  /**
   * @param {State} state
   * @param {string} [code]
   */
  #enter(state, code = "") {
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, code } }));
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return String(/** @type {{code?: string}} */ (error)?.code ?? "unavailable");
}
