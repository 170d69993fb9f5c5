/**
 * The way to the REST API (docs/api.md) and the login, for portal and console. Every change is signed with the login's
 * key and the broker's time.
 *
 * Rejects with ApiError and nothing else. When an answer says that the login is over, `onsignedout` hears of it first.
 * A request goes to the page's own gateway; when that gives no answer, the very same bytes go to the next one that the
 * login's cookie reaches. Brokers know a signed request again and do it once.
 */

import { Gateways, probe } from "../core/gateways.js";
import { eventsOf } from "./events.js";
import { Lifeguard } from "./lifeguard.js";
import { HEADER, publicKey, signatureHeader } from "./signing.js";

/** @typedef {{id: string, name: string}} Named */
/** @typedef {import("../ui/theme.js").Theme} Theme */
/** @typedef {{signed_in: false, organisations: string[], theme?: Theme | null, time: number}} SignedOut */
/** @typedef {{signed_in: true, user: Named, tenant: Named, role: string, permissions?: string[], theme?: Theme,
 *   expires: number, time: number, recovery_codes_left?: number, failed_sign_ins?: number}} SignedIn */
/** @typedef {{organisation?: string, username: string, password: string, code?: string}} Credentials */

const BASE = "/api/v1";
/** Refusals of a signature that the broker's time may mend. */
const CLOCK_CODES = new Set(["clock_skewed", "signature_refused"]);
const REVISION = "Portcullis-Revision";
/** Another organisation that was entered, on administrative requests; a signature names it as well. */
const TENANT = "Portcullis-Tenant";
/** What a gateway says that reaches no broker. */
const NO_WAY = new Set(["broker_unreachable"]);

/** @typedef {{field: string, expected: string, line?: number, column?: number}} Finding */

export class ApiError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{status?: number, reference?: string, session?: string, retryAfterSeconds?: number, field?: string,
   *   expected?: string, current?: object, findings?: Finding[]}} [data] `session`: the one in the way; `current`: what the object is meanwhile
   */
  constructor(code, message, data = {}) {
    const { status = 0, reference = "", session = "", retryAfterSeconds = 0, field = "", expected = "", current, findings = [] } = data;
    super(message);
    this.code = code;
    this.status = status;
    this.reference = reference;
    this.session = session;
    this.retryAfterSeconds = retryAfterSeconds;
    this.field = field;
    this.expected = expected;
    this.current = current;
    /** All that is wrong, where several things may be. */
    this.findings = findings;
  }
}

export class Client {
  /** @type {CryptoKeyPair | null} */
  #key = null;
  /** Broker's clock minus this machine's, ms. */
  #clockOffsetMs = 0;
  /** The newest state of the grid that was seen: an older answer would take back what the user just did. */
  #revision = "";
  onsignedout = () => {};
  /** The name of the organisation that is acted in instead of one's own; "": one's own. */
  enteredTenant = "";

  /** @param {Gateways} [gateways] */
  constructor(gateways = new Gateways(location.origin, probe)) {
    this.gateways = gateways;
  }

  /** @param {CryptoKeyPair | null} key */
  use(key) {
    this.#key = key;
  }

  get key() {
    if (this.#key === null) throw new ApiError("signed_out", "no key");
    return this.#key;
  }

  /** @returns {Promise<SignedIn | SignedOut>} */
  async whoAmI() {
    const asked = Date.now();
    const answer = await this.get("/login");
    this.#clockOffsetMs = answer.time * 1000 - (asked + Date.now()) / 2;
    this.gateways.learn(answer.gateways);
    return answer;
  }

  /**
   * @param {Credentials} credentials
   * @param {CryptoKeyPair} key
   * @returns {Promise<SignedIn | {factor_required: true}>}
   */
  async signIn(credentials, key) {
    const body = { ...credentials, client_key: await publicKey(key) };
    const answer = await this.change("POST", "/login", body, key);
    if (answer.signed_in) this.#key = key;
    return answer;
  }

  async signOut() {
    await this.change("DELETE", "/login");
    this.#key = null;
  }

  /**
   * A change that no key signs: its proof stands in what is sent.
   * @param {string} path
   * @param {object} content
   */
  async post(path, content) {
    const headers = { "Content-Type": "application/json" };
    return json(await this.fetch("POST", path, { headers, body: JSON.stringify(content) }));
  }

  /**
   * @param {string} path
   * @param {AbortSignal} [signal]
   */
  async get(path, signal) {
    return json(await this.fetch("GET", path, { signal }));
  }

  /**
   * Events as they happen (`text/event-stream`), until the stream ends.
   * @param {string} path
   * @param {AbortSignal} signal
   */
  async *events(path, signal) {
    yield* this.#told(await this.fetch("GET", path, { signal }));
  }

  /** @param {Response} response */
  async *#told(response) {
    if (response.body === null) throw networkError();
    try {
      for await (const { event, data } of eventsOf(response.body)) yield { event, values: JSON.parse(data) };
    } catch (error) {
      throw networkError(error);
    }
  }

  /**
   * A change, signed.
   * @param {string} method
   * @param {string} path
   * @param {object} [content]
   * @param {CryptoKeyPair} [key]
   */
  async change(method, path, content, key = this.key) {
    return json(await this.#inTime((headers) => this.#signed(method, path, content, key, headers), {}));
  }

  /**
   * A signed question whose answer comes in events: how far it is, and in the end the answer.
   * @param {string} path
   * @param {object} content
   * @param {AbortSignal} signal
   */
  async *asking(path, content, signal) {
    const headers = { Accept: "text/event-stream" };
    const response = await this.#inTime((more) => this.#signed("POST", path, content, this.key, more, signal), headers);
    const isTold = response.headers.get("Content-Type")?.startsWith("text/event-stream");
    if (isTold) yield* this.#told(response);
    else yield { event: "result", values: await json(response) };
  }

  /**
   * @param {(headers: Record<string, string>) => Promise<Response>} send
   * @param {Record<string, string>} headers
   */
  async #inTime(send, headers) {
    try {
      return await send(headers);
    } catch (error) {
      // This machine's clock may have been set meanwhile: ask for the broker's time, once.
      if (!(error instanceof ApiError) || !CLOCK_CODES.has(error.code)) throw error;
      await this.whoAmI();
      return send(headers);
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object | undefined} content
   * @param {CryptoKeyPair} key
   * @param {Record<string, string>} more headers
   * @param {AbortSignal} [signal]
   */
  async #signed(method, path, content, key, more, signal) {
    const body = new TextEncoder().encode(content === undefined ? "" : JSON.stringify(content));
    const unixMs = Math.round(Date.now() + this.#clockOffsetMs);
    const tenant = this.#tenantFor(path);
    const signed = tenant === "" ? BASE + path : `${BASE + path} ${tenant}`;
    const signature = await signatureHeader(key, { method, path: signed, body, unixMs });
    /** @type {Record<string, string>} */
    const headers = { ...more, [HEADER]: signature };
    if (content !== undefined) headers["Content-Type"] = "application/json";
    return this.fetch(method, path, { headers, body: content === undefined ? undefined : body, signal });
  }

  /**
   * The answer itself, for what is no JSON.
   * @param {string} method
   * @param {string} path
   * @param {RequestInit} init
   */
  async fetch(method, path, init) {
    const headers = new Headers(init.headers);
    if (this.#revision) headers.set(REVISION, this.#revision);
    const tenant = this.#tenantFor(path);
    if (tenant !== "") headers.set(TENANT, tenant);
    const response = await this.#anywhere(path, { ...init, method, headers, cache: "no-store" });
    const revision = response.headers.get(REVISION);
    if (revision && Number(revision) > Number(this.#revision)) this.#revision = revision;
    if (!response.ok) throw await this.#refusal(response);
    return response;
  }

  /**
   * The answer of the first gateway that has one.
   * @param {string} path
   * @param {RequestInit} request
   */
  async #anywhere(path, request) {
    const origins = this.gateways.withCookie();
    for (const [index, origin] of origins.entries()) {
      const isLast = index === origins.length - 1;
      try {
        const response = await this.#at(origin, path, request, isLast);
        if (isLast || !(await saysNoWay(response))) return response;
      } catch (error) {
        if (request.signal?.aborted) throw networkError(error);
        this.gateways.failed(origin);
        if (isLast) throw networkError(error);
      }
    }
    throw networkError();
  }

  /**
   * @param {string} origin
   * @param {string} path
   * @param {RequestInit} request
   * @param {boolean} isLast then it is waited for as long as the browser does
   */
  async #at(origin, path, request, isLast) {
    const guard = new Lifeguard(() => this.#lives(origin), request.signal, isLast);
    try {
      const credentials = origin === location.origin ? "same-origin" : "include";
      const response = await fetch(origin + BASE + path, { ...request, credentials, signal: guard.signal });
      this.gateways.worked(origin);
      return guard.over(response);
    } catch (error) {
      guard.stop();
      throw error;
    }
  }

  /** @param {string} origin */
  async #lives(origin) {
    const lives = await this.gateways.answers(origin);
    if (!lives) this.gateways.failed(origin);
    return lives;
  }

  /** As the header has it. @param {string} path */
  #tenantFor(path) {
    return path.startsWith("/admin/") ? encodeURIComponent(this.enteredTenant) : "";
  }

  /** @param {Response} response */
  async #refusal(response) {
    const { error = {} } = await response.json().catch(() => ({}));
    const code = error.code ?? (response.status >= 500 ? "unavailable" : "unknown");
    if (response.status === 401 && code === "signed_out") this.onsignedout();
    return new ApiError(code, error.message ?? "", {
      status: response.status,
      reference: error.reference,
      session: error.session,
      retryAfterSeconds: error.retry_after_seconds,
      field: error.field,
      expected: error.expected,
      current: error.current,
      findings: error.findings,
    });
  }
}

/** Whether a gateway answered in place of a broker. @param {Response} response */
async function saysNoWay(response) {
  if (response.status !== 503) return false;
  const { error = {} } = await response.clone().json().catch(() => ({}));
  return NO_WAY.has(error.code);
}

/** @param {unknown} [cause] */
export function networkError(cause) {
  const error = new ApiError("network", "");
  error.cause = cause;
  return error;
}

/** @param {Response} response */
async function json(response) {
  if (response.status === 204) return null;
  try {
    // The connection may be lost, or given up, in the midst of it.
    const text = await response.text();
    return text ? JSON.parse(text) : null;
  } catch (error) {
    throw networkError(error);
  }
}
