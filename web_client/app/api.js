/** The REST API as the portal calls it: catalogue, sessions, tickets and grants. Rejects with ApiError and nothing else. */

import { ApiError, Client, networkError } from "../api/client.js";

export { ApiError };

/** @typedef {import("../api/client.js").Named} Named */
/** @typedef {import("../api/client.js").Credentials} Credentials */
/** @typedef {import("../api/client.js").SignedIn} SignedIn */
/** @typedef {import("../api/client.js").SignedOut} SignedOut */
/** @typedef {Named & {icon: string | null, credentials?: Asked | null, desktop?: {asks: boolean} | null}} Application */
/**
 * What a server asks for before a launch; `user_name` null: that as well; `kept`: the user keeps it
 * @typedef {{kind: "ask" | "vault", user_name: string | null, server: string, kept: boolean}} Asked
 */
/** @typedef {{user_name?: string, password: string}} Entered */
/** @typedef {{application: Named, user_name: string, saved: number, usable: boolean}} Kept */
/** @typedef {{id: string, application: Application, host: string, state: string, created: number,
 *   device_pixel_ratio?: number, host_online?: boolean, reference?: string}} SessionInfo */
/** @typedef {{applications: Application[], sessions: SessionInfo[], isolation?: "accounts" | "none"}} Catalogue */
/**
 * @typedef {{width: number, height: number, device_pixel_ratio: number, locale: string, layout: string,
 *   time_zone: string}} Display
 */

/** As long as people look at a window that has closed, before they wonder. */
const ENDING_MS = 1500;
const ENDING_POLL_MS = 250;

export class Api extends Client {
  /** @returns {Promise<Catalogue>} */
  catalogue() {
    return this.get("/catalogue");
  }

  /**
   * @param {string} application id
   * @param {Display} display
   * @param {Entered} [entered] for a server that asks
   * @returns {Promise<{session: SessionInfo, reconnected: boolean}>}
   */
  launch(application, display, entered) {
    return this.change("POST", "/sessions", { application, display, ...(entered && { credentials: entered }) });
  }

  /** @returns {Promise<Kept[]>} */
  async keptCredentials() {
    return (await this.get("/credentials")).items;
  }

  /**
   * In place of what was kept.
   * @param {string} application id
   * @param {Entered} entered
   * @returns {Promise<void>}
   */
  async keepCredentials(application, entered) {
    await this.change("PUT", `/credentials/${application}`, entered);
  }

  /** @param {string} application id @returns {Promise<void>} */
  async forgetCredentials(application) {
    await this.change("DELETE", `/credentials/${application}`);
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
   * @returns {AsyncGenerator<{stage: string, state: string, position?: number, code?: string}>}
   */
  async *#stageEvents(sessionId, signal) {
    for await (const { event, values } of this.events(`/sessions/${sessionId}/stages`, signal)) {
      if (event === "failed") throw new ApiError(values.code, values.message, values);
      if (event === "stage") yield values;
      if (event === "ready") return;
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
        for await (const { state, code = "logged_off" } of this.#stageEvents(sessionId, stopping.signal))
          if (state === "ending") return new ApiError(code, "");
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

  /**
   * The second factor once more, for an application that asks for it.
   * @param {string} code a verification or a recovery code
   * @returns {Promise<void>}
   */
  async proveFactor(code) {
    await this.change("POST", "/login/factor", { code });
  }

  /** Of this browser, too. */
  async signOutEverywhere() {
    await this.change("POST", "/account/sign-out-everywhere", {});
  }

  /**
   * In place of those that are left.
   * @param {string} code a verification or a recovery code
   * @returns {Promise<string[]>}
   */
  async newRecoveryCodes(code) {
    return (await this.change("POST", "/account/recovery-codes", { code })).recovery_codes;
  }

  /** @param {string} sessionId */
  async ticket(sessionId) {
    const { ticket } = await this.change("POST", `/sessions/${sessionId}/ticket`, {});
    return /** @type {string} */ (ticket);
  }

  /**
   * @param {string} sessionId
   * @param {number} e
   */
  async renewGrant(sessionId, e) {
    const { grant, gateways } = await this.change("POST", `/sessions/${sessionId}/grant`, { e });
    this.gateways.learn(gateways);
    return /** @type {string} */ (grant);
  }

  /** @param {string} sessionId */
  logOff(sessionId) {
    return this.change("DELETE", `/sessions/${sessionId}`);
  }
}
