/**
 * The REST API (docs/api.md) as functions. Every change is signed with the login's key and the broker's time.
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
/** @typedef {Named & {icon: string | null}} Application */
/** @typedef {{id: string, application: Application, host: string, state: string, created: number,
 *   device_pixel_ratio?: number, host_online?: boolean, reference?: string}} SessionInfo */
/** @typedef {{applications: Application[], sessions: SessionInfo[], isolation?: "accounts" | "none"}} Catalogue */
/** @typedef {{signed_in: false, organisations: string[], time: number}} SignedOut */
/** @typedef {{signed_in: true, user: Named, tenant: Named, role: string, expires: number, time: number,
 *   recovery_codes_left?: number}} SignedIn */
/** @typedef {{organisation?: string, username: string, password: string, code?: string}} Credentials */
/**
 * @typedef {{width: number, height: number, device_pixel_ratio: number, locale: string, layout: string,
 *   time_zone: string}} Display
 */

const BASE = "/api/v1";
/** Refusals of a signature that the broker's time may mend. */
const CLOCK_CODES = new Set(["clock_skewed", "signature_refused"]);
const REVISION = "Portcullis-Revision";
/** What a gateway says that reaches no broker. */
const NO_WAY = new Set(["broker_unreachable"]);
/** As long as people look at a window that has closed, before they wonder. */
const ENDING_MS = 1500;
const ENDING_POLL_MS = 250;

export class ApiError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{status?: number, reference?: string, session?: string, retryAfterSeconds?: number}} [data] `session`: the one in the way
   */
  constructor(code, message, { status = 0, reference = "", session = "", retryAfterSeconds = 0 } = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.reference = reference;
    this.session = session;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export class Api {
  /** @type {CryptoKeyPair | null} */
  #key = null;
  /** Broker's clock minus this machine's, ms. */
  #clockOffsetMs = 0;
  /** The newest state of the grid that was seen: an older answer would take back what the user just did. */
  #revision = "";
  onsignedout = () => {};

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
    const answer = await this.#get("/login");
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
    const answer = await this.#change("POST", "/login", body, key);
    if (answer.signed_in) this.#key = key;
    return answer;
  }

  async signOut() {
    await this.#change("DELETE", "/login");
    this.#key = null;
  }

  /**
   * A change that no key signs: its proof stands in what is sent.
   * @param {string} path
   * @param {object} content
   */
  async post(path, content) {
    const headers = { "Content-Type": "application/json" };
    return json(await this.#fetch("POST", path, { headers, body: JSON.stringify(content) }));
  }

  /** @returns {Promise<Catalogue>} */
  catalogue() {
    return this.#get("/catalogue");
  }

  /**
   * @param {string} application id
   * @param {Display} display
   * @returns {Promise<{session: SessionInfo, reconnected: boolean}>}
   */
  launch(application, display) {
    return this.#change("POST", "/sessions", { application, display });
  }

  /**
   * Named stages of a launch as they happen; ends with `ready`, or throws the failure. While the session waits for its
   * host to start others, `placed` comes again with each `position` in line (1: the next).
   * @param {string} sessionId
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<{stage: string, position: number}>} `position`: 0 when it does not wait
   */
  async *stages(sessionId, signal) {
    for await (const { stage, position = 0 } of this.#stageEvents(sessionId, signal)) yield { stage, position };
  }

  /**
   * @param {string} sessionId
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<{stage: string, state: string, position?: number}>}
   */
  async *#stageEvents(sessionId, signal) {
    const response = await this.#fetch("GET", `/sessions/${sessionId}/stages`, { signal });
    if (response.body === null) throw networkError();
    try {
      for await (const { event, data } of eventsOf(response.body)) {
        const values = JSON.parse(data);
        if (event === "failed") throw new ApiError(values.code, values.message, values);
        if (event === "stage") yield values;
        if (event === "ready") return;
      }
    } catch (error) {
      throw error instanceof ApiError ? error : networkError(error);
    }
    throw networkError();
  }

  /**
   * How a session came to its end, as far as any broker still knows; never rejects.
   * @param {string} sessionId
   * @returns {Promise<ApiError>} its code is "" for one that closed a moment ago, or that nobody remembers
   */
  async endingOf(sessionId) {
    const stopping = new AbortController();
    const timer = setTimeout(() => stopping.abort(), ENDING_MS);
    try {
      while (!stopping.signal.aborted) {
        for await (const { state } of this.#stageEvents(sessionId, stopping.signal))
          if (state === "ending") return new ApiError("logged_off", "");
        // The stream knew before the broker: the host's report is on its way.
        await new Promise((resolve) => setTimeout(resolve, ENDING_POLL_MS));
      }
      return new ApiError("", "");
    } catch (error) {
      const isTold = error instanceof ApiError && error.code !== "network";
      return isTold ? error : new ApiError("", "");
    } finally {
      clearTimeout(timer);
      stopping.abort();
    }
  }

  /** @param {string} sessionId */
  async ticket(sessionId) {
    const { ticket } = await this.#change("POST", `/sessions/${sessionId}/ticket`, {});
    return /** @type {string} */ (ticket);
  }

  /**
   * @param {string} sessionId
   * @param {number} e
   */
  async renewGrant(sessionId, e) {
    const { grant, gateways } = await this.#change("POST", `/sessions/${sessionId}/grant`, { e });
    this.gateways.learn(gateways);
    return /** @type {string} */ (grant);
  }

  /** @param {string} sessionId */
  logOff(sessionId) {
    return this.#change("DELETE", `/sessions/${sessionId}`);
  }

  /** @param {string} path */
  async #get(path) {
    return json(await this.#fetch("GET", path, {}));
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [content]
   * @param {CryptoKeyPair} [key]
   */
  async #change(method, path, content, key = this.key) {
    try {
      return await this.#signed(method, path, content, key);
    } catch (error) {
      // This machine's clock may have been set meanwhile: ask for the broker's time, once.
      if (!(error instanceof ApiError) || !CLOCK_CODES.has(error.code)) throw error;
      await this.whoAmI();
      return this.#signed(method, path, content, key);
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object | undefined} content
   * @param {CryptoKeyPair} key
   */
  async #signed(method, path, content, key) {
    const body = new TextEncoder().encode(content === undefined ? "" : JSON.stringify(content));
    const unixMs = Math.round(Date.now() + this.#clockOffsetMs);
    const signature = await signatureHeader(key, { method, path: BASE + path, body, unixMs });
    /** @type {Record<string, string>} */
    const headers = { [HEADER]: signature };
    if (content !== undefined) headers["Content-Type"] = "application/json";
    const response = await this.#fetch(method, path, { headers, body: content === undefined ? undefined : body });
    return json(response);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestInit} init
   */
  async #fetch(method, path, init) {
    const headers = new Headers(init.headers);
    if (this.#revision) headers.set(REVISION, this.#revision);
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
function networkError(cause) {
  const error = new ApiError("network", "");
  error.cause = cause;
  return error;
}

/** @param {Response} response */
async function json(response) {
  if (response.status === 204) return null;
  const text = await response.text();
  try {
    return text ? JSON.parse(text) : null;
  } catch (error) {
    throw networkError(error);
  }
}
