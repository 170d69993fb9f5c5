/** A Connection with the other side of its transport in a test's hands. */

import { generateKey, toBase64url } from "../../web_client/api/signing.js";
import { Connection } from "../../web_client/core/connection.js";
import { Gateways } from "../../web_client/core/gateways.js";
import { ReconnectPolicy } from "../../web_client/core/reconnect.js";

export const key = await generateKey();
export const OWN = "http://localhost:8080";
export const OTHER = "http://localhost:8081";

export function grantOf(e, nth = 0) {
  return `grant.v1.kid.${toBase64url(new TextEncoder().encode(JSON.stringify({ e, nth })))}.signature`;
}

/** The other side of a transport: what the client sent, and what it is told. */
export class FakeTransport {
  sent = [];
  opened = 0;
  urls = [];
  closed = [];
  ended = false;
  /** How many messages went together at most. */
  largest = 0;
  capabilities = { message: "CAPABILITIES", operations: 6, video: 0 };
  /** What the client said that it draws, and behind which message. */
  offers = [];
  #waiting = [];

  open(url) {
    this.opened++;
    this.urls.push(url);
    this.#wake();
  }

  send(...messages) {
    this.largest = Math.max(this.largest, messages.length);
    for (const [at, message] of messages.entries()) {
      if (message.message === "CAPABILITIES") this.offers.push({ video: message.video, behind: messages[at - 1]?.message });
      else this.sent.push(message);
    }
    this.#wake();
  }

  close(code) {
    this.closed.push(code);
  }

  end() {
    this.ended = true;
  }

  /** Resolves as soon as the condition holds. */
  until(condition) {
    return new Promise((resolve) => {
      this.#waiting.push({ condition, resolve });
      this.#wake();
    });
  }

  async next(name) {
    await this.until(() => this.sent.some(({ message }) => message === name));
    const at = this.sent.findIndex(({ message }) => message === name);
    return this.sent.splice(at, 1)[0];
  }

  #wake() {
    this.#waiting = this.#waiting.filter(({ condition, resolve }) => !condition() || resolve());
  }

  tell(...messages) {
    this.onmessages(messages, 0);
  }
}

export const welcome = (e, r, lastInput = 0) =>
  ({ message: "WELCOME", version: 1, e, r, width: 8, height: 8, maximumWidth: 8, maximumHeight: 8, permissions: 7, lastInput });
export const challenge = { message: "CHALLENGE", lowestVersion: 1, highestVersion: 1, nonce: new Uint8Array(32) };
export const stroke = (text) => ({ message: "KEY", down: true, modifiers: 0, locks: 0, code: "", text });

export class Scene {
  transport = new FakeTransport();
  tickets = [];
  refuseTickets = [];
  states = [];
  reason = null;
  inquiries = 0;
  inquire = async () => (this.inquiries++, this.reason);
  /** Origins that answer when they are asked for their health. */
  living = new Set([OWN, OTHER]);
  gateways = new Gateways(OWN, async (origin) => this.living.has(origin));

  /** @param {string[]} [others] gateways besides the page's own */
  constructor(others = []) {
    this.gateways.learn(others);
    this.connection = new Connection(
      {
        gateways: this.gateways,
        sessionId: "0123456789abcdef",
        key,
        ticket: async () => {
          const code = this.refuseTickets.shift();
          if (code) throw Object.assign(new Error(code), { code });
          this.tickets.push(`ticket${this.tickets.length + 1}`);
          return this.tickets.at(-1);
        },
        renewGrant: async (e) => grantOf(e, 1),
        inquire: () => this.inquire(),
      },
      this.transport,
      new ReconnectPolicy(() => 0),
    );
    this.connection.addEventListener("state", ({ detail }) => this.states.push(detail));
  }

  get state() {
    return this.states.at(-1).state;
  }

  async opened(count) {
    await this.transport.until(() => this.transport.opened === count);
    this.transport.onopened();
  }

  async attach(e = 1, r = 0, lastInput = 0) {
    await this.opened(this.transport.opened || 1);
    return this.admit(e, r, lastInput);
  }

  async admit(e, r, lastInput) {
    const admission = this.transport.sent.pop();
    this.transport.tell({ message: "ADMITTED", grant: grantOf(e) }, challenge);
    const proof = await this.transport.next("PROOF");
    this.transport.tell(welcome(e, r, lastInput));
    return { admission, proof };
  }

  async resume(e, r, lastInput, opened) {
    this.transport.onclosed(1006, "");
    await this.opened(opened);
    return this.admit(e, r, lastInput);
  }
}

export async function active(others = []) {
  const scene = new Scene(others);
  scene.connection.start();
  await scene.attach();
  return scene;
}
